use super::each_change_gives_its_code;
use crate::task::{
    AssignmentIn, AssignmentOut, AssignmentTask, BodyIn, BodyOut, BodyTask, CriterionOut, GlossaryOut, Objective,
};
use crate::task_trait::AiTask;

fn body_input() -> BodyIn {
    BodyIn { topic_title: "Light".into(), language: "en".into(), ..BodyIn::default() }
}

fn body() -> BodyOut {
    BodyOut {
        key_points: vec!["Light gives energy.".into(), "Leaves are green.".into(), "Sugar is made.".into()],
        body_markdown: "Plants turn light into sugar. ".repeat(10).trim().into(),
        glossary: vec![GlossaryOut { term: "Sugar".into(), definition: "What plants make from light.".into() }],
        minutes: 10,
    }
}

#[test]
fn l7_each_body_rule_has_its_code() {
    each_change_gives_its_code::<BodyTask>(
        &body_input(),
        &body(),
        &[
            ("too_short", |b| b.body_markdown = "Too short.".into()),
            ("too_long", |b| b.body_markdown = "word ".repeat(4_001).trim().into()),
            ("raw_html", |b| b.body_markdown.push_str("\n\n<div>x</div>")),
            ("script_markup", |b| b.body_markdown.push_str("\n\n<script>alert(1)</script>")),
            ("unsafe_link", |b| b.body_markdown.push_str(" [x](data:text/html,x)")),
            ("unknown_url", |b| b.body_markdown.push_str(" ![x](pic.png)")),
            ("control_character", |b| b.body_markdown.push_str("a\u{8}b")),
            ("key_point_count", |b| b.key_points.truncate(2)),
            ("key_point_count", |b| b.key_points.extend((0..8).map(|n| format!("Point {n}")))),
            ("key_point_duplicate", |b| b.key_points[1] = "light gives ENERGY".into()),
            ("glossary_count", |b| {
                b.glossary =
                    (0..31).map(|n| GlossaryOut { term: format!("t{n}"), definition: "a word".into() }).collect()
            }),
            ("glossary_duplicate", |b| {
                b.glossary.push(GlossaryOut { term: "sugar".into(), definition: "Again.".into() })
            }),
            ("topic_minutes", |b| b.minutes = 0),
            ("topic_minutes", |b| b.minutes = 241),
            ("wrong_language", |b| {
                b.body_markdown = "Die Pflanze ist ein Wesen und wird von der Sonne und dem Wasser ernährt, weil sie nicht ohne diese leben kann. ".repeat(3).trim().into()
            }),
        ],
    );
}

#[test]
fn the_length_of_a_source_widens_the_bounds() {
    let short = BodyIn { source: "Twenty words or less.".into(), ..body_input() };
    assert_eq!(short.body_bounds(), (10, 20_000));
    let long = BodyIn { source: "x".repeat(30_000), ..body_input() };
    assert_eq!(long.body_bounds(), (200, 32_000));
    let mut quoted = body();
    quoted.body_markdown = "Twenty words or less.".into();
    assert!(BodyTask::check(&short, &quoted).is_empty());
}

fn task() -> AssignmentIn {
    AssignmentIn {
        context_title: "Plants".into(),
        objectives: vec![Objective { key: "light".into(), text: "Explain light".into() }],
        max_points: 10,
        ..AssignmentIn::default()
    }
}

fn assignment() -> AssignmentOut {
    let criterion = |key: &str, title: &str| CriterionOut {
        key: key.into(),
        title: title.into(),
        description: "Says what light does.".into(),
        max_points: 5,
    };
    AssignmentOut {
        title: "Light and plants".into(),
        description: "An essay on light.".into(),
        instructions_markdown: "Write about light and plants, with an example of your own.".into(),
        objective_keys: vec!["light".into()],
        criteria: vec![criterion("what", "What"), criterion("why", "Why")],
        minutes: 60,
    }
}

#[test]
fn s13_l6_each_assignment_rule_has_its_code() {
    each_change_gives_its_code::<AssignmentTask>(
        &task(),
        &assignment(),
        &[
            ("too_short", |a| a.instructions_markdown = "Write.".into()),
            ("raw_html", |a| a.instructions_markdown.push_str(" <u>now</u>")),
            ("objective_unknown", |a| a.objective_keys = vec!["other".into()]),
            ("objective_duplicate", |a| a.objective_keys.push("light".into())),
            ("objective_missing", |a| a.objective_keys.clear()),
            ("criterion_count", |a| {
                a.criteria.pop();
            }),
            ("criterion_key_invalid", |a| a.criteria[0].key = "Key!".into()),
            ("criterion_key_duplicate", |a| a.criteria[1].key = "what".into()),
            ("criterion_title_duplicate", |a| a.criteria[1].title = "what".into()),
            ("criterion_points", |a| a.criteria[0].max_points = 0),
            ("criterion_points", |a| a.criteria[0].max_points = 101),
            ("points_sum", |a| a.criteria[0].max_points = 6),
            ("assignment_minutes", |a| a.minutes = 0),
            ("wrong_language", |a| {
                a.instructions_markdown = "Schreibe einen Text und erkläre, wie die Pflanze mit dem Licht und dem Wasser lebt und was sie nicht ohne die Sonne kann, weil das für alle gleich ist.".into()
            }),
        ],
    );
}

#[test]
fn the_prompts_are_the_same_for_the_same_input() {
    let one = BodyTask::render(&body_input());
    let two = BodyTask::render(&body_input());
    assert_eq!(one.system, two.system);
    assert_eq!(
        one.parts.iter().map(|p| &p.text).collect::<Vec<_>>(),
        two.parts.iter().map(|p| &p.text).collect::<Vec<_>>()
    );
    assert_eq!(BodyTask::render(&BodyIn { source: "S".into(), ..body_input() }).parts.len(), 2);
}
