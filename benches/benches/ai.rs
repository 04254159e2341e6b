//! What it costs to know that an AI's answer counts: `cargo bench -p lms-benches --bench ai` (`-- --quick`
//! for a smoke run).
//!
//! Strict read, schema and rules of the task, against `serde_json` reading the same bytes into the same
//! struct and checking nothing. Printed as lines and written to `target/bars-ai.json`.
#![allow(clippy::print_stdout, missing_docs, reason = "a program that reports")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use lms_ai::task::{
    ContentType, Difficulty, LessonOut, Objective, ObjectiveOut, OptionOut, OutlineBrief, OutlineIn, OutlineOut,
    OutlineTask, QuestionOut, QuestionType, QuizIn, QuizOut, QuizTask, TopicOut,
};
use lms_ai::{AiTask, validate};
use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand, print, write};
use lms_benches::measure::median;

/// The largest outline that the defaults allow a course.
const LESSONS: usize = 40;
const TOPICS: usize = 6;
const OBJECTIVES: usize = 12;
/// The longest quiz that the defaults allow.
const QUESTIONS: usize = 30;
/// The sentences of the lesson that the quiz is about.
const SENTENCES: usize = 240;

fn main() -> Result<(), Failure> {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let (rounds, times) = if quick { (3, 5) } else { (11, 60) };
    println!("{rounds} rounds of {times} answers, medians\n");
    let (brief, outline) = outline();
    let (lesson, quiz) = quiz();
    let only = std::env::args().skip_while(|a| a != "--only").nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut bars = Vec::new();
    if wanted("AI1") {
        bars.push(against::<OutlineTask>(("AI1", 0.015), "a 40-lesson outline", &brief, &outline, (rounds, times))?);
    }
    if wanted("AI2") {
        bars.push(against::<QuizTask>(("AI2", 0.005), "a 30-question quiz", &lesson, &quiz, (rounds, times))?);
    }
    bars.iter().for_each(print);
    // One bar alone, or a smoke run, does not take the place of a whole run's figures.
    if only.is_none() && !quick {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bars-ai.json");
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        write(&bars, &path)?;
    }
    println!("\n{} of {} bars met", bars.iter().filter(|b| b.met()).count(), bars.len());
    Ok(())
}

/// Plain, checked, plain again: the ratio of throughputs, and the control.
fn against<T: AiTask>(
    (name, least): (&'static str, f64),
    what: &str,
    input: &T::In,
    answer: &T::Out,
    (rounds, times): (usize, usize),
) -> Result<Bar, Failure> {
    let text = serde_json::to_string(answer)?;
    if let Err(violations) = validate::<T>(input, &text) {
        return Err(format!("{what} does not pass: {violations:?}").into());
    }
    let plain = || -> Result<f64, Failure> {
        let started = Instant::now();
        for _ in 0..times {
            black_box(serde_json::from_slice::<T::Out>(black_box(text.as_bytes()))?);
        }
        Ok(started.elapsed().as_secs_f64() / times as f64)
    };
    let checked = || {
        let started = Instant::now();
        for _ in 0..times {
            black_box(validate::<T>(black_box(input), black_box(&text)).is_ok());
        }
        started.elapsed().as_secs_f64() / times as f64
    };
    let (mut floors, mut ours, mut controls) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        floors.push(plain()?);
        ours.push(checked());
        controls.push(plain()?);
    }
    let (floor, ours, control) = (median(&floors), median(&ours), median(&controls));
    let speed = |seconds: f64| text.len() as f64 / seconds / 1e6;
    Ok(Bar {
        name,
        what: format!("{what}, {} KB: checked / plain throughput", text.len() / 1000),
        value: floor / ours,
        demand: Demand::AtLeast(least),
        note: format!(
            "{:.1} MB/s, {:.0} answers/s, {:.2} ms each; plain {:.0} MB/s, {:.0} answers/s; control {:.2}",
            speed(ours),
            1.0 / ours,
            ours * 1e3,
            speed(floor),
            1.0 / floor,
            floor / control
        ),
    })
}

/// Words in an order that repeats from run to run.
struct Words(u64);

const NOUNS: &[&str] = &[
    "river", "harbour", "merchant", "valley", "bridge", "orchard", "mountain", "library", "market", "island", "castle",
    "forest", "village", "engine", "garden", "letter", "season", "weaver", "lantern", "glacier", "meadow", "compass",
    "teacher", "kingdom", "quarry", "tower", "sailor", "winter", "canal", "record",
];
const VERBS: &[&str] = &[
    "follows", "protects", "changes", "explains", "crosses", "supports", "divides", "feeds", "shelters", "measures",
    "reaches", "joins", "carries", "opens", "covers", "limits",
];
const KINDS: &[&str] = &[
    "old", "quiet", "narrow", "northern", "early", "steep", "common", "wide", "hidden", "painted", "distant", "frozen",
    "busy", "southern", "rare", "heavy", "wooden", "bright",
];

impl Words {
    fn one(&mut self, of: &[&'static str]) -> &'static str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of.get((self.0 >> 33) as usize % of.len()).copied().unwrap_or("word")
    }

    fn thing(&mut self) -> String {
        format!("the {} {}", self.one(KINDS), self.one(NOUNS))
    }

    fn sentence(&mut self) -> String {
        let (one, two, three) = (self.thing(), self.thing(), self.thing());
        format!(
            "In that year {one} {} {two}, and with it {three} {} what had been there before.",
            self.one(VERBS),
            self.one(VERBS)
        )
    }

    fn prose(&mut self, sentences: usize) -> String {
        (0..sentences).map(|_| self.sentence()).collect::<Vec<_>>().join(" ")
    }
}

fn outline() -> (OutlineIn, OutlineOut) {
    let mut words = Words(1);
    let key = |n: usize| format!("objective_{n}");
    let objectives = (0..OBJECTIVES)
        .map(|n| ObjectiveOut { key: key(n), text: format!("Explain how {} {n} works", words.thing()) })
        .collect();
    let lessons = (0..LESSONS)
        .map(|n| LessonOut {
            title: format!("Lesson {n}: {} and {}", words.thing(), words.thing()),
            summary: words.prose(3),
            objective_keys: vec![key(n % OBJECTIVES), key((n + 1) % OBJECTIVES)],
            minutes: 30,
            topics: (0..TOPICS)
                .map(|t| TopicOut {
                    title: format!("Part {t}: {}", words.thing()),
                    content_type: ContentType::Text,
                    synopsis: words.prose(2),
                })
                .collect(),
        })
        .collect();
    let out = OutlineOut {
        title: "A history of rivers and bridges".to_owned(),
        description: words.prose(4),
        objectives,
        lessons,
    };
    let brief = OutlineBrief {
        topic: "rivers and bridges".to_owned(),
        audience: "beginners".to_owned(),
        minutes: 30 * LESSONS as i64,
        min_lessons: LESSONS,
        max_lessons: LESSONS,
        ..OutlineBrief::default()
    };
    (OutlineIn { brief, ..OutlineIn::default() }, out)
}

fn quiz() -> (QuizIn, QuizOut) {
    let mut words = Words(2);
    let sentences: Vec<String> = (0..SENTENCES).map(|_| words.sentence()).collect();
    let markdown: Vec<String> =
        sentences.chunks(8).enumerate().map(|(n, part)| format!("## Part {n}\n\n{}\n", part.join(" "))).collect();
    let questions = sentences
        .iter()
        .step_by(SENTENCES / QUESTIONS)
        .take(QUESTIONS)
        .enumerate()
        .map(|(n, quote)| QuestionOut {
            source_quote: quote.clone(),
            question_type: QuestionType::SingleChoice,
            text: format!(
                "Which statement about {} and {} does the text make where it speaks of {}?",
                words.thing(),
                words.thing(),
                words.thing()
            ),
            options: (0..4)
                .map(|o| OptionOut {
                    text: format!("Answer {n}{o}: {} {} {}", words.thing(), words.one(VERBS), words.thing()),
                    is_correct: o == 0,
                    why: words.prose(1),
                })
                .collect(),
            explanation: words.prose(2),
            objective_key: "rivers".to_owned(),
            difficulty: Difficulty::Medium,
        })
        .collect();
    let out = QuizOut { title: "Rivers".to_owned(), description: words.prose(1), questions };
    let input = QuizIn {
        lesson_title: "Rivers".to_owned(),
        lesson_markdown: markdown.join("\n"),
        count: QUESTIONS,
        objectives: vec![Objective { key: "rivers".to_owned(), text: "Name rivers".to_owned() }],
        ..QuizIn::default()
    };
    (input, out)
}
