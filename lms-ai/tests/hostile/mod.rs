//! The table of hostile answers.

use lms_core::ai::Stop;
use lms_core::model::AiLogStatus::{self, Invalid, Refused, Truncated};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

const KIB: usize = 1024;

/// Every case.
pub(crate) fn cases() -> Vec<Case> {
    [forms(), shapes(), contents(), quizzes(), grades(), stops()].into_iter().flatten().collect()
}

/// On what the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Outline,
    Body,
    Quiz,
    Assignment,
    Grade,
}
use On::{Assignment, Body, Grade, Outline, Quiz};

/// One hostile answer, given again to each repair, and what the engine says to it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) on: On,
    /// What comes, call by call.
    pub(crate) replies: Vec<(String, Stop)>,
    /// The error's code.
    pub(crate) error: &'static str,
    /// The code of the first violation, where the error has some.
    pub(crate) code: &'static str,
    pub(crate) log: Vec<AiLogStatus>,
}

/// A text that breaks a rule, and breaks it again when asked to repair.
fn bad(name: &'static str, on: On, text: impl Into<String>, code: &'static str) -> Case {
    let reply = (text.into(), Stop::Complete);
    Case { name, on, replies: vec![reply.clone(), reply], error: "ai.invalid", code, log: vec![Invalid, Invalid] }
}

/// A text that the provider says something else of than that it is complete.
fn stopped(name: &'static str, on: On, stop: Stop, error: &'static str, log: Vec<AiLogStatus>) -> Case {
    // What came is a whole good answer: the stop reason alone keeps it from counting.
    let reply = (good(on).to_string(), stop);
    Case { name, on, replies: vec![reply; log.len()], error, code: "", log }
}

fn good(on: On) -> Value {
    match on {
        Outline => outline(),
        Body => body(),
        Quiz => quiz(),
        Assignment => assignment(),
        Grade => grade(),
    }
}

/// The form of an answer: what no task may accept.
fn forms() -> Vec<Case> {
    let text = outline().to_string();
    let cut = &text[..text.len() - 40];
    let deep = |levels: usize| format!("{{\"title\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    vec![
        bad("nothing", Outline, "", "answer.empty"),
        bad("white space", Outline, " \n\t ", "answer.empty"),
        bad("a byte order mark alone", Outline, "\u{feff}", "answer.empty"),
        bad("prose", Outline, "I am glad to help! Here is what I would teach.", "answer.not_json"),
        bad("prose with a brace", Outline, "Use { to open a block.", "answer.not_json"),
        bad("a list", Outline, format!("[{text}]"), "answer.not_json"),
        bad("a text in quotes", Outline, Value::from(text.clone()).to_string(), "answer.not_json"),
        bad("null", Outline, "null", "answer.not_json"),
        bad("two objects", Outline, format!("{text}\n{text}"), "answer.ambiguous"),
        bad("two fences", Outline, format!("```json\n{text}\n```\n```json\n{text}\n```"), "answer.ambiguous"),
        bad("an empty object before the answer", Outline, format!("{{}} {text}"), "answer.ambiguous"),
        bad("an open brace after the answer", Outline, format!("{text} {{"), "answer.not_json"),
        bad("a fence that holds prose", Outline, "```\nno\n```", "answer.not_json"),
        bad("cut off in a text", Outline, cut, "answer.not_json"),
        bad("cut off before the last brace", Outline, &text[..text.len() - 1], "answer.not_json"),
        bad("cut off in a fence", Outline, format!("```json\n{cut}\n```"), "answer.not_json"),
        bad("a comma too many", Outline, raw(&outline(), "]}", ",]}"), "answer.not_json"),
        bad("single quotes", Outline, text.replace('"', "'"), "answer.not_json"),
        bad("a key twice", Outline, raw(&outline(), "{", "{\"title\":\"Another\","), "answer.duplicate_key"),
        bad(
            "a key twice, deep",
            Outline,
            raw(&outline(), "\"minutes\":30", "\"minutes\":30,\"minutes\":31"),
            "answer.duplicate_key",
        ),
        bad(
            "a key twice, escaped",
            Outline,
            raw(&outline(), "{", "{\"\\u0074itle\":\"Another\","),
            "answer.duplicate_key",
        ),
        bad("U+0000 escaped", Outline, raw(&outline(), "Plants for", "Plants\\u0000for"), "answer.nul"),
        bad("U+0000 escaped in a key", Outline, raw(&outline(), "{", "{\"a\\u0000\":1,"), "answer.nul"),
        bad("U+0000 as it is", Outline, raw(&outline(), "Plants for", "Plants\0for"), "answer.not_json"),
        bad("a line break in a text", Outline, raw(&outline(), "Plants for", "Plants\nfor"), "answer.not_json"),
        bad("half a surrogate", Outline, raw(&outline(), "Plants for", "\\ud800 for"), "answer.not_json"),
        bad(
            "surrogates the wrong way round",
            Outline,
            raw(&outline(), "Plants for", "\\udc00\\ud800"),
            "answer.not_json",
        ),
        bad("nested 65 deep", Outline, deep(65), "answer.too_complex"),
        bad("nested 100,000 deep", Outline, deep(100_000), "answer.too_complex"),
        bad("1e400", Outline, raw(&outline(), "\"minutes\":30", "\"minutes\":1e400"), "answer.not_json"),
        bad("NaN", Outline, raw(&outline(), "\"minutes\":30", "\"minutes\":NaN"), "answer.not_json"),
        bad("Infinity", Outline, raw(&outline(), "\"minutes\":30", "\"minutes\":-Infinity"), "answer.not_json"),
        bad("more than 512 KiB", Outline, raw(&outline(), "How plants", &"x".repeat(512 * KIB)), "answer.too_long"),
        bad(
            "a text of 1 MB",
            Body,
            with(body(), "/body_markdown", json!("word ".repeat(200_000))).to_string(),
            "answer.too_long",
        ),
        bad(
            "10,000 questions",
            Quiz,
            with(quiz(), "/questions", json!(vec![json!({}); 10_000])).to_string(),
            "answer.too_complex",
        ),
    ]
}

/// The shape of an answer: fields and their types.
fn shapes() -> Vec<Case> {
    let confident = |text: &str| raw(&grade(), "\"confidence\":90", text);
    vec![
        bad("a field is missing", Outline, without(outline(), "/description").to_string(), "schema"),
        bad(
            "a field is missing, deep",
            Outline,
            without(outline(), "/lessons/1/topics/0/synopsis").to_string(),
            "schema",
        ),
        bad("a field too many", Outline, and(outline(), "", "is_published", json!(true)).to_string(), "schema"),
        bad("a field too many, deep", Outline, and(outline(), "/lessons/0", "id", json!(1)).to_string(), "schema"),
        bad("an id of its own", Quiz, and(quiz(), "/questions/0", "quiz_id", json!(Uuid::nil())).to_string(), "schema"),
        bad(
            "a key that names an option",
            Quiz,
            and(quiz(), "/questions/0", "correct_option_id", json!("o9")).to_string(),
            "schema",
        ),
        bad("a plagiarism score", Grade, and(grade(), "", "plagiarism_score", json!(1)).to_string(), "schema"),
        bad("a total", Grade, and(grade(), "", "total", json!(20)).to_string(), "schema"),
        bad("a number for a text", Outline, with(outline(), "/title", json!(7)).to_string(), "schema"),
        bad("a text for a number", Outline, with(outline(), "/lessons/0/minutes", json!("30")).to_string(), "schema"),
        bad(
            "a text for yes or no",
            Quiz,
            with(quiz(), "/questions/0/options/0/is_correct", json!("true")).to_string(),
            "schema",
        ),
        bad("an object for a list", Outline, with(outline(), "/lessons", json!({})).to_string(), "schema"),
        bad("null for a text", Outline, with(outline(), "/title", Value::Null).to_string(), "schema"),
        bad("null for a list", Quiz, with(quiz(), "/questions", Value::Null).to_string(), "schema"),
        bad("an unknown word", Quiz, with(quiz(), "/questions/0/question_type", json!("essay")).to_string(), "schema"),
        bad("half a point", Grade, with(grade(), "/criteria/0/points", json!(4.5)).to_string(), "schema"),
        bad(
            "more than a number holds",
            Outline,
            raw(&outline(), "\"minutes\":30", "\"minutes\":99999999999999999999"),
            "schema",
        ),
        bad("a huge number", Outline, raw(&outline(), "\"minutes\":30", "\"minutes\":1e300"), "schema"),
        bad("confidence in words", Grade, confident("\"confidence\":\"high\""), "schema"),
    ]
}

/// What stands in the fields of courses, bodies and assignments.
fn contents() -> Vec<Case> {
    let md = |text: &str| {
        let good = body()["body_markdown"].as_str().unwrap().to_owned();
        with(body(), "/body_markdown", json!(format!("{good}\n\n{text}"))).to_string()
    };
    let german = "Das Blatt nimmt das Licht auf, und die Wurzel nimmt das Wasser auf. Wenn es nicht genug davon gibt, \
        dann kann die Pflanze auch keinen Zucker machen, weil ihr die Kraft dafür fehlt. Sie muss dann mit dem auskommen, \
        was sie noch hat, und das ist nach ein paar Tagen nicht mehr sehr viel. Darum ist es wichtig, dass sie am Fenster steht.";
    vec![
        bad("no lessons", Outline, with(outline(), "/lessons", json!([])).to_string(), "objective_unused"),
        bad(
            "a lesson without topics",
            Outline,
            with(outline(), "/lessons/0/topics", json!([])).to_string(),
            "lesson_empty",
        ),
        bad(
            "a lesson twice",
            Outline,
            with(outline(), "/lessons/1/title", json!("LIGHT ")).to_string(),
            "lesson_title_duplicate",
        ),
        bad(
            "an unknown objective",
            Outline,
            with(outline(), "/lessons/0/objective_keys", json!(["light", "fire"])).to_string(),
            "objective_unknown",
        ),
        bad(
            "an objective's key twice",
            Outline,
            with(outline(), "/objectives/1/key", json!("light")).to_string(),
            "objective_key_duplicate",
        ),
        bad(
            "minutes below zero",
            Outline,
            with(outline(), "/lessons/0/minutes", json!(-30)).to_string(),
            "lesson_minutes",
        ),
        bad("minus zero minutes", Outline, raw(&outline(), "\"minutes\":30", "\"minutes\":-0"), "lesson_minutes"),
        bad(
            "the greatest number of minutes",
            Outline,
            with(outline(), "/lessons/0/minutes", json!(i64::MAX)).to_string(),
            "lesson_minutes",
        ),
        bad(
            "twice the minutes asked for",
            Outline,
            with(outline(), "/lessons/0/minutes", json!(120)).to_string(),
            "minutes_total",
        ),
        bad(
            "a video without an address",
            Outline,
            with(outline(), "/lessons/0/topics/0/content_type", json!("video")).to_string(),
            "content_type_not_allowed",
        ),
        bad(
            "a title of 2,000 characters",
            Outline,
            with(outline(), "/title", json!("x".repeat(2_000))).to_string(),
            "too_long",
        ),
        bad(
            "a script in a title",
            Outline,
            with(outline(), "/title", json!("Plants <script>alert(1)</script>")).to_string(),
            "script_markup",
        ),
        bad(
            "an override of direction",
            Outline,
            with(outline(), "/title", json!("Plants \u{202e}stnalP")).to_string(),
            "control_character",
        ),
        bad("a script", Body, md("<script src=x></script>"), "script_markup"),
        bad("an image that runs code", Body, md("<img src=x onerror=alert(1)>"), "raw_html"),
        bad("a link that runs code", Body, md("[here](javascript:alert(1))"), "unsafe_link"),
        bad("a link that runs code, spelt apart", Body, md("[here](JaVa&#x0A;Script:alert(1))"), "unsafe_link"),
        bad("a link that embeds data", Body, md("![x](data:text/html;base64,PHNjcmlwdD4=)"), "unsafe_link"),
        bad("a link of the model's own", Body, md("[here](https://invented.dev/plants)"), "unknown_url"),
        bad("another language", Body, with(body(), "/body_markdown", json!(german)).to_string(), "wrong_language"),
        bad(
            "a body of three words",
            Body,
            with(body(), "/body_markdown", json!("Plants need light.")).to_string(),
            "too_short",
        ),
        bad("no key points", Body, with(body(), "/key_points", json!([])).to_string(), "key_point_count"),
        bad(
            "criteria above what it is worth",
            Assignment,
            with(assignment(), "/criteria/0/max_points", json!(51)).to_string(),
            "points_sum",
        ),
        bad(
            "a criterion of no points",
            Assignment,
            with(assignment(), "/criteria/0/max_points", json!(0)).to_string(),
            "criterion_points",
        ),
        bad(
            "a criterion below zero",
            Assignment,
            with(assignment(), "/criteria/0/max_points", json!(-50)).to_string(),
            "criterion_points",
        ),
        bad(
            "a criterion's key twice",
            Assignment,
            with(assignment(), "/criteria/1/key", json!("day")).to_string(),
            "criterion_key_duplicate",
        ),
        // rules: L6
        bad(
            "an assignment on an unknown objective",
            Assignment,
            with(assignment(), "/objective_keys", json!(["fire"])).to_string(),
            "objective_unknown",
        ),
        bad(
            "an assignment on no objective",
            Assignment,
            with(assignment(), "/objective_keys", json!([])).to_string(),
            "objective_missing",
        ),
    ]
}

/// What stands in the fields of quizzes.
fn quizzes() -> Vec<Case> {
    let all = |question: &Value, n: usize| with(quiz(), "/questions", json!(vec![question.clone(); n])).to_string();
    let first = quiz()["questions"][0].clone();
    let single = "/questions/0/options";
    vec![
        bad("no questions", Quiz, with(quiz(), "/questions", json!([])).to_string(), "question_count"),
        bad("a hundred questions", Quiz, all(&first, 100), "question_count"),
        bad("the same question twice", Quiz, all(&first, 2), "stem_duplicate"),
        bad(
            "two right options of one",
            Quiz,
            with(quiz(), &format!("{single}/1/is_correct"), json!(true)).to_string(),
            "correct_count",
        ),
        bad(
            "no right option",
            Quiz,
            with(quiz(), &format!("{single}/0/is_correct"), json!(false)).to_string(),
            "correct_count",
        ),
        bad(
            "every option of several right",
            Quiz,
            with(quiz(), "/questions/1/options/2/is_correct", json!(true)).to_string(),
            "correct_count",
        ),
        bad(
            "an option twice",
            Quiz,
            with(quiz(), &format!("{single}/2/text"), json!("cellulose.")).to_string(),
            "option_duplicate",
        ),
        bad("one option", Quiz, with(quiz(), single, json!([first["options"][0]])).to_string(), "option_count"),
        bad("no options", Quiz, with(quiz(), single, json!([])).to_string(), "option_count"),
        bad("an empty option", Quiz, with(quiz(), &format!("{single}/1/text"), json!("")).to_string(), "too_short"),
        bad(
            "all of the above",
            Quiz,
            with(quiz(), &format!("{single}/2/text"), json!("All of the above")).to_string(),
            "option_refers_to_others",
        ),
        bad(
            "a quote that the lesson does not hold",
            Quiz,
            with(quiz(), "/questions/0/source_quote", json!("Chlorophyll was found in the year 1817.")).to_string(),
            "source_quote_unverified",
        ),
        // rules: L6
        bad(
            "a question on an unknown objective",
            Quiz,
            with(quiz(), "/questions/0/objective_key", json!("fire")).to_string(),
            "objective_unknown",
        ),
        bad(
            "a question on no objective",
            Quiz,
            with(quiz(), "/questions/0/objective_key", json!("")).to_string(),
            "objective_unknown",
        ),
    ]
}

/// What stands in the fields of grades.
fn grades() -> Vec<Case> {
    let two = grade()["criteria"].as_array().unwrap().clone();
    let twice = json!([two[0], two[1], two[0]]);
    let other = with(two[0].clone(), "/criterion_key", json!("effort"));
    vec![
        bad(
            "points above the criterion's",
            Grade,
            with(grade(), "/criteria/0/points", json!(11)).to_string(),
            "points_out_of_range",
        ),
        bad(
            "points below zero",
            Grade,
            with(grade(), "/criteria/0/points", json!(-1)).to_string(),
            "points_out_of_range",
        ),
        bad(
            "the greatest number of points",
            Grade,
            with(grade(), "/criteria/0/points", json!(i64::MAX)).to_string(),
            "points_out_of_range",
        ),
        bad(
            "confidence of 101",
            Grade,
            with(grade(), "/criteria/0/confidence", json!(101)).to_string(),
            "confidence_out_of_range",
        ),
        bad("a criterion is missing", Grade, without(grade(), "/criteria/1").to_string(), "criterion_missing"),
        bad("no criterion at all", Grade, with(grade(), "/criteria", json!([])).to_string(), "criterion_missing"),
        bad("a criterion twice", Grade, with(grade(), "/criteria", twice).to_string(), "criterion_duplicate"),
        bad(
            "a criterion too many",
            Grade,
            with(grade(), "/criteria", json!([two[0], two[1], other])).to_string(),
            "criterion_unknown",
        ),
        bad(
            "evidence that is not in the work, beside another fault",
            Grade,
            with(
                with(grade(), "/criteria/0/evidence", json!(["Plants drink the light of the moon"])),
                "/feedback",
                json!(""),
            )
            .to_string(),
            "evidence_unverified",
        ),
        bad(
            "evidence of one word",
            Grade,
            with(grade(), "/criteria/0/evidence", json!(["Plants"])).to_string(),
            "evidence_too_short",
        ),
        bad(
            "points without evidence",
            Grade,
            with(grade(), "/criteria/0/evidence", json!([])).to_string(),
            "evidence_missing",
        ),
        bad("no feedback", Grade, with(grade(), "/feedback", json!("")).to_string(), "too_short"),
        bad(
            "feedback without end",
            Grade,
            with(grade(), "/feedback", json!("Go on like this. ".repeat(300).trim())).to_string(),
            "too_long",
        ),
        bad(
            "another request's check code",
            Grade,
            with(grade(), "/check_code", json!("0123456789ab")).to_string(),
            "check_code_mismatch",
        ),
        bad(
            "the check code told to the student",
            Grade,
            with(grade(), "/feedback", json!("You explain well how the light is taken in: $CHECK is your code."))
                .to_string(),
            "nonce_leak",
        ),
        bad(
            "another student in the feedback",
            Grade,
            with(grade(), "/feedback", json!("You explain it well, but not as well as [STUDENT_2] does it."))
                .to_string(),
            "label_leak",
        ),
        bad(
            "a script in the feedback",
            Grade,
            with(grade(), "/feedback", json!("You explain it well. <script>fetch('/me')</script> Go on with the air."))
                .to_string(),
            "script_markup",
        ),
    ]
}

/// What the provider says beside the text.
fn stops() -> Vec<Case> {
    vec![
        stopped("max tokens, twice", Outline, Stop::Truncated, "ai.truncated", vec![Truncated, Truncated]),
        stopped("refused", Outline, Stop::Refused { category: Some("bio".into()) }, "ai.refused", vec![Refused]),
        stopped("refused without a word", Grade, Stop::Refused { category: None }, "ai.refused", vec![Refused]),
        stopped("filtered", Quiz, Stop::Filtered, "ai.stopped", vec![Invalid]),
        stopped("the context is full", Body, Stop::ContextFull, "ai.stopped", vec![Invalid]),
        stopped("an unknown reason", Assignment, Stop::Other, "ai.stopped", vec![Invalid]),
    ]
}
