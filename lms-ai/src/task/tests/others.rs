//! The rules on certificate copy, and on the answers of who solves a quiz blindly.

use super::each_change_gives_its_code;
use crate::task::{
    CertificateIn, CertificateOut, CertificateTask, QuestionType, SolveAnswer, SolveIn, SolveOut, SolveQuestion,
    SolveTask,
};

#[test]
fn c7_each_rule_on_certificate_copy_has_its_code() {
    let input = CertificateIn {
        course_title: "Plants for beginners".into(),
        skills: vec!["Explain what light does".into()],
        ..CertificateIn::default()
    };
    let good = CertificateOut {
        headline: "Certificate of completion".into(),
        body_template: "{{student_name}} has completed the course {{course_title}} with success.".into(),
        skills: vec!["Explain what light does".into()],
    };
    each_change_gives_its_code::<CertificateTask>(
        &input,
        &good,
        &[
            ("too_short", |c| c.headline = "Yes".into()),
            ("placeholder_unknown", |c| c.body_template.push_str(" By {{rector}}.")),
            ("placeholder_unknown", |c| c.body_template.push_str(" By {{rector.")),
            ("placeholder_missing", |c| c.body_template = c.body_template.replace("{{student_name}}", "Somebody")),
            ("placeholder_missing", |c| c.body_template = c.body_template.replace("{{course_title}}", "on plants")),
            ("claim_not_given", |c| c.headline = "An accredited degree".into()),
            ("skill_count", |c| c.skills = (0..9).map(|n| format!("Skill number {n}")).collect()),
            ("skill_duplicate", |c| c.skills.push("explain what light does!".into())),
        ],
    );
}

#[test]
fn each_rule_on_blind_answers_has_its_code() {
    let question = |number, question_type, options: &[&str]| SolveQuestion {
        number,
        question_type,
        text: "What does a leaf take in?".into(),
        options: options.iter().map(|text| (*text).to_owned()).collect(),
    };
    let input = SolveIn {
        questions: vec![
            question(1, QuestionType::SingleChoice, &["Light", "Soil"]),
            question(2, QuestionType::MultipleChoice, &["Light", "Water", "Soil"]),
            question(3, QuestionType::ShortText, &[]),
        ],
        ..SolveIn::blind(
            &crate::task::QuizOut { title: String::new(), description: String::new(), questions: Vec::new() },
            "Leaves take in light.",
            "en",
        )
    };
    let answer =
        |number, chosen: &[i64], text: &str| SolveAnswer { number, chosen: chosen.to_vec(), text: text.into() };
    let good = SolveOut { answers: vec![answer(1, &[1], ""), answer(2, &[1, 2], ""), answer(3, &[], "light")] };
    each_change_gives_its_code::<SolveTask>(
        &input,
        &good,
        &[
            ("question_unknown", |s| s.answers[0].number = 9),
            ("question_duplicate", |s| s.answers[1].number = 1),
            ("question_missing", |s| drop(s.answers.pop())),
            ("answer_shape", |s| s.answers[0].chosen = vec![1, 2]),
            ("answer_shape", |s| s.answers[0].chosen = vec![3]),
            ("answer_shape", |s| s.answers[1].chosen = vec![2, 2]),
            ("answer_shape", |s| s.answers[2].chosen = vec![1]),
            ("too_short", |s| s.answers[2].text.clear()),
        ],
    );
}
