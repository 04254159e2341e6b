//! The JSON shapes that hosts and their clients rely on, as JSON Schema 2020-12.
//!
//! [`documents`] gives what `docs/schema` holds: one document per kind of thing, the types under
//! `$defs` by their names. A shape that changes shows there, and its line in the changelog.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Map, Value, json};

use crate::error::{CodeInfo, Error, Problem, Refusal};
use crate::lms::*;
use crate::model::table::Json;
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{AiLogFilter, ById, CourseFilter, CourseStructure, EventFilter, Item, Siblings};

/// A type that is a string in JSON, the same for all of its values.
macro_rules! text {
    ($($(<$param:ident>)? $t:ty, $name:literal, $schema:tt;)*) => {$(
        impl$(<$param>)? JsonSchema for $t {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

text! {
    Points, "Points", {
        "type": "string",
        "pattern": "^-?[0-9]+(\\.[0-9]{1,5})?$",
        "description": "An exact number with up to five decimals, as text: \"83.33333\"."
    };
    Percent, "Percent", {
        "type": "string",
        "pattern": "^-?[0-9]+\\.[0-9]{2}$",
        "description": "A percent cut off after two decimals, as text: \"66.66\"."
    };
    Timestamp, "Timestamp", {
        "type": "string",
        "format": "date-time",
        "description": "An instant, RFC 3339; written in UTC with microseconds, read with any zone, refused without one."
    };
    ContentType, "ContentType", {
        "type": "string",
        "pattern": "^(text|video|audio|image|file|link|embed|x-[a-z0-9-]{1,38})$",
        "description": "A kind of the library's own, or of the host's: \"x-…\"."
    };
    crate::live::Cursor, "Cursor", {
        "type": "string",
        "description": "Where a subscriber is in the log; opaque."
    };
}

/// Ids of every kind are one shape: the tag is Rust's alone.
impl<T> JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// A document: whatever it holds.
impl JsonSchema for Json {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

impl JsonSchema for EventKind {
    fn schema_name() -> Cow<'static, str> {
        "EventKind".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A kind of the library's own, the host's \"vendor.kind\", or one of a later release.",
            "anyOf": [{ "enum": EventKind::WORDS }, { "type": "string" }]
        })
    }
}

impl JsonSchema for Error {
    fn schema_name() -> Cow<'static, str> {
        "Error".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut each = Vec::new();
        for info in Self::own_codes() {
            let params = info.params.iter().map(|name| (*name, own_param(info.code, name, generator))).collect();
            each.push(one_error(*info, params, generator));
        }
        for (info, params) in Refusal::param_schemas(generator) {
            each.push(one_error(info, params, generator));
        }
        json_schema!({ "description": "What a use case refused, or could not do: docs/errors.md.", "oneOf": each })
    }
}

/// The parameters of the codes that are no refusal's; they are written by hand in `Params`.
fn own_param(code: &str, name: &str, generator: &mut SchemaGenerator) -> Schema {
    match (code, name) {
        ("denied", "action") => generator.subschema_for::<Action>(),
        ("not_found", "what") => generator.subschema_for::<SubjectType>(),
        ("not_found", "id") => generator.subschema_for::<uuid::Uuid>(),
        ("invalid", "problems") => generator.subschema_for::<Vec<Problem>>(),
        ("store.schema", _) => generator.subschema_for::<i64>(),
        ("store.corrupt", "id") => generator.subschema_for::<Option<uuid::Uuid>>(),
        _ => generator.subschema_for::<String>(),
    }
}

fn one_error(info: CodeInfo, params: Vec<(&str, Schema)>, generator: &mut SchemaGenerator) -> Value {
    let class = generator.subschema_for::<crate::error::Class>();
    let properties: Map<String, Value> =
        params.into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value())).collect();
    json!({
        "type": "object",
        "required": ["code", "class", "message", "params"],
        "properties": {
            "code": { "const": info.code },
            "class": { "allOf": [class, { "const": info.class }] },
            "message": { "type": "string" },
            "params": {
                "type": "object",
                "required": info.params,
                "properties": properties,
            },
        },
    })
}

macro_rules! document {
    ($settings:expr, $title:literal, $about:literal, [$($t:ty),* $(,)?]) => {{
        let mut generator = $settings.into_generator();
        $( generator.subschema_for::<$t>(); )*
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": $title,
            "description": $about,
            "$defs": generator.take_definitions(true),
        })
    }};
}

/// The one document that is a file of its own: its schema can be put to a file as it stands.
fn course_document(settings: SchemaSettings) -> Value {
    let mut document = document!(
        settings,
        "Course document",
        "A course with all of its content, as Catalog::export_course writes it and Catalog::import_course reads it. \
         Version 1. What content must be like beyond its shape is checked when it is imported.",
        [CourseDocument]
    );
    if let Some(root) = document.as_object_mut() {
        root.insert("$ref".to_owned(), json!("#/$defs/CourseDocument"));
    }
    document
}

/// The published shapes, by the name of their file in `docs/schema` without its ending.
pub fn documents() -> BTreeMap<&'static str, Value> {
    let written = || SchemaSettings::draft2020_12().for_serialize();
    let read = || SchemaSettings::draft2020_12().for_deserialize();
    BTreeMap::from([
        (
            "commands",
            document!(
                read(),
                "Commands",
                "What use cases take. An unknown field is refused.",
                [
                    NewUser,
                    UpdateUser,
                    NewCourse,
                    UpdateCourse,
                    NewLesson,
                    UpdateLesson,
                    NewTopic,
                    UpdateTopic,
                    NewQuiz,
                    UpdateQuiz,
                    NewQuestion,
                    NewAssignment,
                    UpdateAssignment,
                    EnrollOptions,
                    Answer,
                    NewSubmission,
                    NewGrade,
                    AnswerGrade,
                    AiGrade,
                    ChangeMaxGrade,
                    Extension,
                    RegradePolicy,
                    ManyMode,
                    TemplateDocument,
                    CopySource,
                    Linked,
                    CopyTarget,
                    CopyDates,
                    RosterFilter,
                    ById,
                    CourseFilter,
                    EventFilter,
                    AiLogFilter,
                    MarkFilter,
                    Siblings,
                    ReviewAnswer<NewGrade>,
                    ReviewAnswer<AnswerGrade>,
                    AiOrigin,
                    AiSources,
                    CourseDraft,
                    HostEvent,
                    Item,
                    ImportOptions,
                    XapiOptions,
                ]
            ),
        ),
        (
            "views",
            document!(
                written(),
                "Views",
                "What use cases give to learners and staff, computed from rows.",
                [
                    AttemptView,
                    AttemptSummary,
                    AttemptEssays,
                    AnswerMark,
                    SaveReport,
                    SweepReport,
                    RegradePreview,
                    LearnerHome,
                    Gradebook,
                    Roster,
                    LessonFunnel,
                    ToGrade,
                    CourseTeam,
                    Listed<Granted<Override>>,
                    Listed<Granted<Waiver>>,
                    Listed<CertificateEntry>,
                    Listed<CertificateTemplate>,
                    MarkPairs,
                    PersonExport,
                    ManyReport<Enrollment>,
                    ManyReport<Override>,
                    ManyReport<Graded>,
                    ManyReport<()>,
                    SubmissionView,
                    SubmissionSummary,
                    Graded,
                    Standing,
                    Outline,
                    Access,
                    LessonPage,
                    CoursePage,
                    Scorecard,
                    Completion,
                    QuizAverage,
                    OnTime,
                    CourseMetrics,
                    Verification,
                    Validity,
                    DeletePlan,
                    UnpublishPlan,
                    WrittenCourse,
                    GiftText,
                    GiftImport,
                    GiftBank,
                    XapiPage,
                    Tick,
                    Health,
                    Drift,
                ]
            ),
        ),
        (
            "records",
            document!(
                written(),
                "Records",
                "Rows as use cases give them to those who may read them whole: staff, admins, the system.",
                [
                    User,
                    Course,
                    CourseStructure,
                    CourseStaff,
                    Objective,
                    Lesson,
                    Topic,
                    Quiz,
                    QuizQuestion,
                    Assignment,
                    Enrollment,
                    Submission,
                    GradeEntry,
                    Override,
                    Waiver,
                    ReviewRequest,
                    CertificateTemplate,
                    CertificateRevision,
                    Certificate,
                    AiLog,
                ]
            ),
        ),
        (
            "events",
            document!(
                written(),
                "Events",
                "The log, and what live subscribers receive.",
                [Event, crate::live::LiveEvent, crate::live::Reached, Actor]
            ),
        ),
        ("course", course_document(read())),
        ("error", document!(written(), "Error", "The error of every use case.", [Error])),
    ])
}
