use super::{codes, each_change_gives_its_code};
use crate::task::{ContentType, LessonOut, ObjectiveOut, OutlineBrief, OutlineIn, OutlineOut, OutlineTask, TopicOut};
use crate::task_trait::AiTask;

fn input() -> OutlineIn {
    OutlineIn {
        brief: OutlineBrief {
            topic: "Plants".into(),
            audience: "beginners".into(),
            difficulty: "easy".into(),
            minutes: 90,
            min_lessons: 2,
            max_lessons: 4,
            max_topics: 3,
            ..OutlineBrief::default()
        },
        ..OutlineIn::default()
    }
}

fn topic(title: &str) -> TopicOut {
    TopicOut { title: title.into(), content_type: ContentType::Text, synopsis: "What it is and why.".into() }
}

fn lesson(title: &str, keys: &[&str]) -> LessonOut {
    LessonOut {
        title: title.into(),
        summary: "How this part of a plant works.".into(),
        objective_keys: keys.iter().map(|k| (*k).to_owned()).collect(),
        minutes: 30,
        topics: vec![topic("Basics"), topic("Practice")],
    }
}

fn good() -> OutlineOut {
    let objective = |key: &str, text: &str| ObjectiveOut { key: key.into(), text: text.into() };
    OutlineOut {
        title: "Plants for beginners".into(),
        description: "How plants live and grow.".into(),
        objectives: vec![
            objective("light", "Explain what light does"),
            objective("water", "Explain what water does"),
            objective("soil", "Name soils"),
        ],
        lessons: vec![lesson("Light", &["light"]), lesson("Water", &["water"]), lesson("Soil", &["soil"])],
    }
}

#[test]
fn l6_each_outline_rule_has_its_code() {
    each_change_gives_its_code::<OutlineTask>(
        &input(),
        &good(),
        &[
            ("too_short", |o| o.title = "ab".into()),
            ("too_long", |o| o.title = "x".repeat(121)),
            ("too_short", |o| o.lessons[0].summary = "short".into()),
            ("control_character", |o| o.description.push('\0')),
            ("untrimmed", |o| o.lessons[0].title.push(' ')),
            ("line_break", |o| o.lessons[0].title = "a\nbc".into()),
            ("script_markup", |o| o.description.push_str(" <script>")),
            ("raw_html", |o| o.description.push_str(" <b>x</b>")),
            ("unsafe_link", |o| o.description.push_str(" [x](javascript:alert(1))")),
            ("unknown_url", |o| o.description.push_str(" https://invented.dev/x")),
            ("objective_count", |o| {
                o.objectives.pop();
                o.lessons[2].objective_keys = vec!["light".into()];
            }),
            ("objective_key_invalid", |o| o.objectives[0].key = "A key".into()),
            ("objective_key_duplicate", |o| o.objectives[1].key = "light".into()),
            ("objective_unused", |o| o.lessons[0].objective_keys.clear()),
            ("objective_unknown", |o| o.lessons[0].objective_keys.push("other".into())),
            ("objective_duplicate", |o| o.lessons[0].objective_keys.push("light".into())),
            ("lesson_count", |o| {
                o.lessons.push(lesson("Air", &[]));
                o.lessons.push(lesson("Heat", &[]));
            }),
            ("lesson_title_duplicate", |o| o.lessons[1].title = "LIGHT!".into()),
            ("lesson_empty", |o| o.lessons[0].topics.clear()),
            ("topic_count", |o| o.lessons[0].topics.extend([topic("Three"), topic("Four")])),
            ("topic_title_duplicate", |o| o.lessons[0].topics[1].title = "basics".into()),
            ("content_type_not_allowed", |o| o.lessons[0].topics[0].content_type = ContentType::Video),
            ("lesson_minutes", |o| o.lessons[0].minutes = 4),
            ("lesson_minutes", |o| o.lessons[0].minutes = 241),
            ("minutes_total", |o| o.lessons[0].minutes = 60),
            ("wrong_language", |o| {
                o.description = "Die Pflanze ist ein Wesen und wird von der Sonne und dem Wasser und auch von der Luft ernährt, weil sie nicht ohne diese leben kann, und das ist für alle gleich.".into();
            }),
        ],
    );
}

#[test]
fn the_total_may_be_a_quarter_off_and_no_more() {
    for (minutes, fits) in [(27, true), (8, true), (7, false), (52, true), (53, false)] {
        let mut out = good();
        out.lessons[0].minutes = minutes;
        // 90 asked: 67.5 to 112.5 in all.
        let total = minutes + 60;
        assert_eq!((68..=112).contains(&total), fits, "the table is wrong at {minutes}");
        assert_eq!(!codes(&OutlineTask::check(&input(), &out)).contains(&"minutes_total"), fits, "{minutes}");
    }
}

#[test]
fn a_link_of_the_brief_may_be_repeated() {
    let mut given = input();
    given.brief.topic = "Plants, after https://plants.dev/guide".into();
    let mut out = good();
    out.description = "After https://plants.dev/guide, how plants live.".into();
    assert!(OutlineTask::check(&given, &out).is_empty());
}

#[test]
fn a_dropped_lesson_takes_its_objective_along() {
    let out = good().without_lessons(&["water"]);
    assert_eq!(out.lessons.len(), 2);
    assert_eq!(out.objectives.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), vec!["light", "soil"]);
    assert_eq!(good().objectives_of(&good().lessons[1]).len(), 1);
}
