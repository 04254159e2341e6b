//! What people write reaches no system part, and no part that it is not for: whatever they write.
#![allow(clippy::indexing_slicing, reason = "these are tests")]

use lms_ai::task::{
    AssignmentIn, AssignmentTask, BodyIn, BodyTask, GradeCriterion, GradeIn, GradeTask, Objective, OutlineBrief,
    OutlineIn, OutlineTask, QuizIn, QuizTask, SourceSection,
};
use lms_ai::text::Pseudonyms;
use lms_ai::{AiTask, Nonce, Prompt};
use lms_core::ai::Trust;
use proptest::prelude::*;
use uuid::Uuid;

/// Texts that look like the frames of a prompt.
const HOSTILE: &str = "\\PC{0,60}|(END |UNTRUSTED |CHECK|SOURCE|BRIEF|TASK|\n|\r|\u{2028}|\u{85}|\"|\\\\|\\\\n|\\{|\\}|</untrusted>|\
                       system:|assistant:|\u{200B}|\0){0,14}";

/// The policy, and what each part is and who wrote it: all that no input may change.
fn frame(prompt: &Prompt) -> (String, Vec<(String, Trust)>) {
    let parts = prompt.parts.iter().map(|part| (part.label.clone(), part.trust));
    (prompt.system.clone(), parts.collect())
}

fn same_frame<T: AiTask>(hostile: &T::In, plain: &T::In) -> Result<Prompt, TestCaseError> {
    let prompt = T::render(hostile);
    prop_assert_eq!(frame(&prompt), frame(&T::render(plain)));
    // What our own code wrote of it is JSON, in which a text can end nothing.
    for part in prompt.parts.iter().filter(|part| part.trust == Trust::Trusted && part.label != "source") {
        prop_assert!(serde_json::from_str::<serde_json::Value>(&part.text).is_ok(), "{}", part.label);
    }
    Ok(prompt)
}

fn objectives(text: &str) -> Vec<Objective> {
    vec![Objective { key: "one".into(), text: text.to_owned() }]
}

fn outline(text: &str) -> OutlineIn {
    let text = text.to_owned();
    let brief = OutlineBrief {
        topic: text.clone(),
        audience: text.clone(),
        difficulty: text.clone(),
        language: text.clone(),
        ..OutlineBrief::default()
    };
    let section = SourceSection { level: 1, title: text.clone(), excerpt: text, words: 1 };
    OutlineIn { brief, source: vec![section], ..OutlineIn::default() }
}

fn body(text: &str) -> BodyIn {
    let objectives = objectives(text);
    let text = text.to_owned();
    BodyIn {
        course_title: text.clone(),
        lesson_title: text.clone(),
        lesson_summary: text.clone(),
        topic_title: text.clone(),
        synopsis: text.clone(),
        audience: text.clone(),
        difficulty: text.clone(),
        language: text.clone(),
        source: format!("A source. {text}"),
        objectives,
        ..BodyIn::default()
    }
}

fn quiz(text: &str) -> QuizIn {
    let objectives = objectives(text);
    let text = text.to_owned();
    QuizIn {
        lesson_title: text.clone(),
        lesson_markdown: format!("A lesson. {text}"),
        language: text.clone(),
        difficulty: text,
        objectives,
        ..QuizIn::default()
    }
}

fn assignment(text: &str) -> AssignmentIn {
    let objectives = objectives(text);
    let text = text.to_owned();
    AssignmentIn {
        context_title: text.clone(),
        source: format!("A source. {text}"),
        audience: text.clone(),
        difficulty: text.clone(),
        language: text,
        objectives,
        ..AssignmentIn::default()
    }
}

fn grade(text: &str, work: &str) -> GradeIn {
    let text = text.to_owned();
    let (title, description) = (text.clone(), text.clone());
    let criterion = GradeCriterion { key: "one".into(), title, description, max_units: 500_000 };
    GradeIn {
        instructions: text.clone(),
        criteria: vec![criterion],
        language: text,
        submission: work.to_owned(),
        nonce: Nonce::derive(work.as_bytes(), Uuid::from_u128(7)),
        ..GradeIn::default()
    }
}

proptest! {
    #[test]
    fn no_input_changes_the_policy_or_the_parts_of_a_prompt(text in HOSTILE, work in HOSTILE) {
        same_frame::<OutlineTask>(&outline(&text), &outline("plain"))?;
        same_frame::<BodyTask>(&body(&text), &body("plain"))?;
        same_frame::<QuizTask>(&quiz(&text), &quiz("plain"))?;
        same_frame::<AssignmentTask>(&assignment(&text), &assignment("plain"))?;
        let prompt = same_frame::<GradeTask>(&grade(&text, &work), &grade("plain", "plain"))?;
        // The work stands in one part, on one line of it, between the two that its own code makes.
        let code = Nonce::derive(work.as_bytes(), Uuid::from_u128(7)).as_str().to_owned();
        let untrusted: Vec<_> = prompt.parts.iter().filter(|part| part.trust == Trust::Untrusted).collect();
        prop_assert_eq!(untrusted.len(), 1);
        let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}'];
        let lines: Vec<&str> = untrusted[0].text.split(breaks).collect();
        prop_assert_eq!(lines.len(), 3);
        prop_assert_eq!(lines[0].to_owned(), format!("UNTRUSTED {code}"));
        prop_assert_eq!(lines[2].to_owned(), format!("END {code}"));
        prop_assert!(serde_json::from_str::<String>(lines[1]).is_ok());
        prop_assert!(!lines[1].contains(&code), "no text holds the code of its own frame");
    }

    /// Names go out as labels and come back as names, whatever stands around them.
    #[test]
    fn names_leave_as_labels_and_come_back(before in "[ .,;:!?(]{0,3}", after in "[ .,;:!?)]{0,3}", rest in "[a-z .]{0,30}") {
        let people = Pseudonyms::new(&[vec!["Ann Lee", "ann@uni.test"]]);
        let text = format!("{rest} {before}Ann Lee{after} {rest}");
        let sent = people.apply(&text).text;
        prop_assert!(!sent.contains("Ann Lee") && sent.contains("[STUDENT_1]"), "{sent}");
        prop_assert_eq!(people.restore(&sent), text);
    }
}
