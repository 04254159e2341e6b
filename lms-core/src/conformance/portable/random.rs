//! Random courses as documents: every field of every kind, within what authoring allows.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::collections::BTreeMap;

use crate::lms::*;
use crate::model::question::*;
use crate::model::table::Json;
use crate::model::*;

/// Numbers that repeat for a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

const WORDS: &[&str] = &[
    "flour",
    "Wasser",
    "été",
    "naïve",
    "水",
    "Ω ≈ 3",
    "a=b",
    "{x}",
    "~tilde",
    "#hash",
    "back\\slash",
    "<b>bold</b>",
    "🙂",
    "“quoted”",
    "co:lon",
    "50%",
    "// no comment",
    "->",
    "e\u{301}",
];

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// 0..n.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.below(u64::try_from(high - low + 1).unwrap())).unwrap()
    }
    pub(super) fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
    pub(super) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.coin().then(|| make(self))
    }
    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap();
        of.get(at).cloned().unwrap()
    }
    /// A few words on one line.
    pub(super) fn line(&mut self) -> String {
        let words: Vec<_> = (0..self.between(1, 5)).map(|_| self.pick(WORDS)).collect();
        words.join(" ")
    }
    /// Several lines.
    pub(super) fn text(&mut self) -> String {
        let lines: Vec<_> = (0..self.between(1, 4)).map(|_| self.line()).collect();
        lines.join(self.pick(&["\n", "\n\n", "  \n\t"]))
    }
    fn instant(&mut self) -> Timestamp {
        Timestamp::from_micros(self.between(0, 4_000_000_000_000_000)).unwrap()
    }
    fn bp(&mut self) -> BasisPoints {
        BasisPoints::new(u16::try_from(self.below(10_001)).unwrap()).unwrap()
    }
    fn points(&mut self) -> Points {
        Points::from_units(self.between(1, 1_000_000))
    }
    fn metadata(&mut self) -> Json {
        let value =
            serde_json::json!({ self.line(): self.line(), "n": self.between(-5, 5), "deep": [null, { "a": 0.5 }] });
        if self.coin() { Json::object() } else { Json::of(&value) }
    }
    fn origin(&mut self) -> Origin {
        let is_ai_generated = self.coin();
        Origin { is_ai_generated, ai_edited_at: if is_ai_generated { self.maybe(Self::instant) } else { None } }
    }
    /// Distinct things, with ids that are not their places.
    fn labelled(&mut self, least: i64, most: i64) -> Vec<Labelled> {
        let offset = self.below(90);
        (0..self.between(least, most))
            .map(|n| {
                Labelled::new(format!("id{}", 100 - n + i64::try_from(offset).unwrap()), format!("{n} {}", self.line()))
            })
            .collect()
    }
    fn some_of(&mut self, keys: &[String]) -> Vec<String> {
        keys.iter().filter(|_| self.below(3) == 0).cloned().collect()
    }
    fn text_key(&mut self) -> TextKey {
        match self.below(3) {
            0 => TextKey::Exact { text: self.line(), edits: u8::try_from(self.below(4)).unwrap() },
            1 => TextKey::Wildcard { pattern: format!("*{}", self.line()) },
            _ => TextKey::Regex { pattern: "colou?rs?".to_owned() },
        }
    }
    fn numeric_key(&mut self) -> NumericKey {
        let number = |dice: &mut Self| format!("{}.{}", dice.between(-99, 99), dice.below(1_000));
        match self.below(3) {
            0 => NumericKey::Value { value: number(self), tolerance: "0.25".into() },
            1 => NumericKey::Percent { value: "12.5".into(), percent: format!("{}", self.below(50)) },
            _ => NumericKey::Range { low: number(self), high: "1000".into() },
        }
    }
    fn rubric(&mut self, max: Points) -> Rubric {
        let half = max.units() / 2;
        let criterion = |dice: &mut Self, id: &str, units: i64| Criterion {
            id: id.to_owned(),
            title: dice.line(),
            description: dice.text(),
            max: Points::from_units(units),
        };
        let criteria = if half > 0 {
            vec![criterion(self, "a", half), criterion(self, "b", max.units() - half)]
        } else {
            vec![criterion(self, "a", max.units())]
        };
        Rubric { criteria, staff_notes: self.text() }
    }

    /// A question's body of any type.
    pub(super) fn body(&mut self, points: Points) -> QuestionBody {
        match self.below(9) {
            0 => {
                let options = self.labelled(2, 6);
                let correct = self.pick(&options).id;
                let why = self.why(&options);
                QuestionBody::SingleChoice { options, correct, why }
            }
            1 => QuestionBody::TrueFalse { correct: self.coin() },
            2 => {
                let options = self.labelled(2, 6);
                let mut correct: Vec<String> =
                    options.iter().filter(|_| self.coin()).map(|option| option.id.clone()).collect();
                if correct.is_empty() {
                    correct.push(self.pick(&options).id);
                }
                let modes =
                    [ChoiceMode::AllOrNothing, ChoiceMode::NetCorrect, ChoiceMode::EachOption, ChoiceMode::Coverage];
                let (mode, why) = (self.pick(&modes), self.why(&options));
                QuestionBody::MultipleChoice { options, correct, mode, why }
            }
            3 => QuestionBody::Numeric {
                keys: (0..self.between(1, 3)).map(|_| self.numeric_key()).collect(),
                decimal_comma: self.coin(),
            },
            4 => QuestionBody::ShortText {
                keys: (0..self.between(1, 3)).map(|_| self.text_key()).collect(),
                case_sensitive: self.coin(),
            },
            5 => QuestionBody::FillBlanks {
                blanks: (0..self.between(1, 3))
                    .map(|n| Blank {
                        id: format!("blank{n}"),
                        accepted: (0..self.between(1, 3)).map(|_| self.text_key()).collect(),
                    })
                    .collect(),
                case_sensitive: self.coin(),
            },
            6 => {
                let (stems, choices) = (self.labelled(2, 4), self.labelled(2, 6));
                let correct: BTreeMap<String, String> =
                    stems.iter().map(|stem| (stem.id.clone(), self.pick(&choices).id)).collect();
                QuestionBody::Matching { stems, choices, correct }
            }
            7 => QuestionBody::Ordering {
                items: self.labelled(2, 6),
                mode: self.pick(&[OrderMode::AllOrNothing, OrderMode::Absolute, OrderMode::Subsequence]),
            },
            _ => QuestionBody::Essay { rubric: self.maybe(|dice| dice.rubric(points)), staff_notes: self.text() },
        }
    }

    fn why(&mut self, options: &[Labelled]) -> BTreeMap<String, String> {
        let mut why = BTreeMap::new();
        for option in options {
            if self.below(3) == 0 {
                why.insert(option.id.clone(), self.line());
            }
        }
        why
    }

    fn question(&mut self, objectives: &[String]) -> PortableQuestion {
        let points = self.points();
        PortableQuestion {
            text: self.text(),
            body: self.body(points),
            points,
            negative_points: self.maybe(|_| Points::from_units(1)),
            explanation: self.text(),
            source_quote: self.maybe(Self::line),
            objectives: self.some_of(objectives),
            adjustment: self.maybe(|dice| dice.pick(&[Adjustment::Dropped, Adjustment::FullCredit])),
            origin: self.origin(),
        }
    }

    fn quiz(&mut self, objectives: &[String]) -> PortableQuiz {
        let mut questions: Vec<_> = (0..self.between(0, 4)).map(|_| self.question(objectives)).collect();
        // One stays, so that a threshold has something to stand on (N6).
        questions.iter_mut().take(1).for_each(|question| question.adjustment = None);
        PortableQuiz {
            title: self.line(),
            description: self.text(),
            is_published: !questions.is_empty() && self.coin(),
            rules: QuizRules {
                is_required: self.coin(),
                pass_threshold_bp: self.maybe(Self::bp),
                max_attempts: self.maybe(|dice| dice.between(1, 9)),
                time_limit_seconds: self.maybe(|dice| dice.between(60, 7_200)),
                grace_seconds: self.between(0, 90),
                kept_score: self.pick(&[KeptScore::Highest, KeptScore::Latest, KeptScore::First, KeptScore::Average]),
                reveal: self.pick(&[
                    Reveal::Never,
                    Reveal::AfterSubmit,
                    Reveal::AfterGraded,
                    Reveal::AfterLastAttemptOrPass,
                ]),
                shuffle_questions: self.coin(),
                shuffle_options: self.coin(),
                weight: self.between(0, 9),
                ai_grading: Some(self.pick(&[AiGrading::Off, AiGrading::Suggest, AiGrading::Apply])),
                ai_confidence_bp: Some(self.bp()),
                review_days: self.coin().then(|| self.between(0, 60)),
                opens_at: self.maybe(|_| Timestamp::from_micros(5).unwrap()),
                closes_at: self.maybe(|_| Timestamp::from_micros(6).unwrap()),
            },
            questions,
            metadata: self.metadata(),
            origin: self.origin(),
        }
    }

    fn assignment(&mut self, objectives: &[String]) -> PortableAssignment {
        let max_grade = self.points();
        let penalty = self.coin();
        let met_by = self.pick(&[MetBy::Submitted, MetBy::Passed]);
        let due_date = self.maybe(Self::instant);
        PortableAssignment {
            title: self.line(),
            description: self.text(),
            max_grade,
            rubric: self.maybe(|dice| dice.rubric(max_grade)),
            is_published: self.coin(),
            rules: AssignmentRules {
                is_required: self.coin(),
                met_by,
                pass_threshold_bp: (met_by == MetBy::Passed || self.coin()).then(|| self.bp()),
                due_date,
                due_zone: self.maybe(|dice| dice.pick(&["Europe/Zurich", "America/New_York", "UTC"]).to_owned()),
                cutoff_date: self.maybe(|dice| due_date.unwrap_or_else(|| dice.instant()).plus_seconds(60)),
                available_from: self.maybe(Self::instant),
                resubmission: self.pick(&[
                    Resubmission::Never,
                    Resubmission::UntilDue,
                    Resubmission::UntilCutoff,
                    Resubmission::AfterReturn,
                    Resubmission::UntilPass,
                ]),
                max_versions: self.maybe(|dice| dice.between(1, 9)),
                grace_seconds: self.between(0, 900),
                penalty_bp: penalty.then(|| self.bp()),
                penalty_interval: penalty.then(|| self.pick(&[PenaltyInterval::Hour, PenaltyInterval::Day])),
                penalty_floor_bp: if penalty { self.maybe(Self::bp) } else { None },
                posting: self.pick(&[Posting::Auto, Posting::Manual]),
                ai_grading: Some(self.pick(&[AiGrading::Off, AiGrading::Suggest, AiGrading::Apply])),
                ai_confidence_bp: Some(self.bp()),
                weight: self.between(0, 9),
                review_days: self.coin().then(|| self.between(0, 60)),
            },
            objectives: self.some_of(objectives),
            metadata: self.metadata(),
            origin: self.origin(),
        }
    }

    fn topic(&mut self) -> PortableTopic {
        let kinds = [ContentType::Text, ContentType::Video, ContentType::File, ContentType::Custom("x-lab".into())];
        let content_type = self.pick(&kinds);
        PortableTopic {
            title: self.line(),
            content_url: (content_type.is_media() || self.coin()).then(|| "https://example.org/a?b=c&d=%20".to_owned()),
            body: (content_type == ContentType::Text || self.coin()).then(|| self.text()),
            content_type,
            metadata: self.metadata(),
            origin: self.origin(),
        }
    }

    fn lesson(&mut self, n: i64, objectives: &[String]) -> PortableLesson {
        let topics: Vec<_> = (0..self.between(0, 3)).map(|_| self.topic()).collect();
        let quizzes: Vec<_> = (0..self.between(0, 2)).map(|_| self.quiz(objectives)).collect();
        let assignments: Vec<_> = (0..self.between(0, 2)).map(|_| self.assignment(objectives)).collect();
        let work = quizzes.iter().any(|q| q.is_published && q.rules.is_required)
            || assignments.iter().any(|a| a.is_published && a.rules.is_required);
        let completion_rule = match self.below(3) {
            1 if !topics.is_empty() => CompletionRule::Viewed,
            2 if work => CompletionRule::Work,
            _ => CompletionRule::Manual,
        };
        // Only on earlier lessons: no circle.
        let earlier: Vec<_> = (1..=n).map(|n| format!("lesson-{n}")).collect();
        PortableLesson {
            key: format!("lesson-{}", n + 1),
            title: self.line(),
            summary: self.text(),
            is_published: self.coin(),
            is_required: self.coin(),
            completion_rule,
            available_from: self.maybe(Self::instant),
            estimated_minutes: self.maybe(|dice| dice.between(1, 500)),
            requires: self.some_of(&earlier),
            objectives: self.some_of(objectives),
            metadata: self.metadata(),
            origin: self.origin(),
            topics,
            quizzes,
            assignments,
        }
    }

    /// A course with everything in it.
    pub(super) fn course(&mut self) -> CourseDocument {
        let objectives: Vec<_> = (0..self.between(0, 4))
            .map(|n| PortableObjective { key: format!("{n} {}", self.pick(WORDS)), text: self.line() })
            .collect();
        let keys: Vec<_> = objectives.iter().map(|objective| objective.key.clone()).collect();
        CourseDocument {
            format: DocumentFormat::Course,
            version: COURSE_DOCUMENT_VERSION,
            course: PortableCourse {
                title: self.line(),
                description: self.text(),
                thumbnail_url: self.maybe(|_| "https://example.org/picture.png".to_owned()),
                audience: self.line(),
                difficulty: self.line(),
                estimated_minutes: self.maybe(|dice| dice.between(1, 5_000)),
                language: self.pick(&["en", "de-CH", "zh-Hant"]).to_owned(),
                time_zone: self.pick(&["UTC", "Europe/Zurich", "Pacific/Auckland"]).to_owned(),
                flow: self.pick(&[Flow::Free, Flow::Sequential]),
                enrollment: self.pick(&[EnrollmentPolicy::Open, EnrollmentPolicy::Closed]),
                capacity: self.maybe(|dice| dice.between(0, 100)),
                certificates: self.pick(&[
                    CertificatePolicy::OnCompletion,
                    CertificatePolicy::ByHand,
                    CertificatePolicy::None,
                ]),
                certificate_valid_days: self.maybe(|dice| dice.between(1, 900)),
                metadata: self.metadata(),
                origin: self.origin(),
            },
            objectives,
            lessons: (0..self.between(0, 5)).map(|n| self.lesson(n, &keys)).collect(),
        }
    }
}
