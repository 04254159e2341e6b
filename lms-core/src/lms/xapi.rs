//! Events as xAPI 1.0.3 statements (V2).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Activity;
use crate::error::Error;
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::store::EventFilter;

/// A verb of xAPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct XapiVerb {
    /// Its IRI.
    pub id: String,
    /// How it is shown, in English: "completed".
    pub display: String,
}

/// How statements name things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct XapiOptions {
    /// The host's own IRI, `https://school.example`: the home page of accounts, and what the ids of
    /// activities and extensions begin with. Keep it: it is part of who and what a statement is about.
    pub home_page: String,
    /// Verbs of the host's own kinds of events, by kind ("shop.bought"). Kinds without one are skipped.
    #[serde(default)]
    pub verbs: BTreeMap<String, XapiVerb>,
}

impl XapiOptions {
    /// Names that begin with the host's IRI, and no verbs of the host's own.
    pub fn new(home_page: impl Into<String>) -> Self {
        Self { home_page: home_page.into(), verbs: BTreeMap::new() }
    }

    /// What is wrong with them.
    fn check(&self) -> Result<(), Error> {
        let mut checks = Checks::default();
        if !is_iri(&self.home_page) {
            checks.add("xapi.iri", "home_page", "must be an absolute http or https IRI of at most 500 characters");
        }
        for (kind, verb) in &self.verbs {
            if !is_iri(&verb.id) {
                let message = "must be an absolute http or https IRI of at most 500 characters";
                checks.add("xapi.iri", format!("verbs.{kind}.id"), message);
            }
            checks.text(&format!("verbs.{kind}.display"), &verb.display, 1, 100);
        }
        checks.done()
    }
}

fn is_iri(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.chars().count() <= 500
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`#".contains(c))
}

/// A page of statements.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct XapiPage {
    /// One statement a line, each line ended.
    pub lines: String,
    /// How many statements there are.
    pub statements: usize,
    /// How many events of the page have no verb and are no statement.
    pub skipped: usize,
    /// The position of the last event that was read: where the next page begins. `None` when there is
    /// nothing above.
    pub read_to: Option<i64>,
}

/// The verb of a kind of event (V2); `None` for those that are no statement of xAPI.
pub fn xapi_verb(kind: &EventKind) -> Option<XapiVerb> {
    let (id, display) = match kind {
        EventKind::Enrolled => ("http://adlnet.gov/expapi/verbs/registered", "registered"),
        EventKind::CourseOpened | EventKind::LessonOpened | EventKind::TopicViewed => {
            ("http://adlnet.gov/expapi/verbs/experienced", "experienced")
        }
        EventKind::LessonCompleted | EventKind::CourseCompleted => {
            ("http://adlnet.gov/expapi/verbs/completed", "completed")
        }
        EventKind::QuizStarted => ("http://adlnet.gov/expapi/verbs/attempted", "attempted"),
        EventKind::QuizGraded | EventKind::AssignmentGraded => ("http://adlnet.gov/expapi/verbs/scored", "scored"),
        EventKind::QuizPassed => ("http://adlnet.gov/expapi/verbs/passed", "passed"),
        EventKind::QuizFailed => ("http://adlnet.gov/expapi/verbs/failed", "failed"),
        EventKind::AssignmentSubmitted => ("http://activitystrea.ms/schema/1.0/submit", "submitted"),
        EventKind::CertificateIssued => ("http://id.tincanapi.com/verb/earned", "earned"),
        EventKind::ProgressWaived => ("https://w3id.org/xapi/adl/verbs/waived", "waived"),
        _ => return None,
    };
    Some(XapiVerb { id: id.to_owned(), display: display.to_owned() })
}

/// The type of an activity, by the vocabularies that readers of xAPI know.
const fn activity_type(subject: SubjectType) -> Option<&'static str> {
    Some(match subject {
        SubjectType::Course => "http://adlnet.gov/expapi/activities/course",
        SubjectType::Lesson => "http://adlnet.gov/expapi/activities/lesson",
        SubjectType::Topic => "http://activitystrea.ms/schema/1.0/article",
        SubjectType::Quiz => "http://adlnet.gov/expapi/activities/assessment",
        SubjectType::Question => "http://adlnet.gov/expapi/activities/question",
        SubjectType::Assignment => "http://id.tincanapi.com/activitytype/school-assignment",
        SubjectType::Certificate => "https://www.opigno.org/en/tincan_registry/activity_type/certificate",
        _ => return None,
    })
}

/// Names under the host's IRI.
struct Names<'a>(&'a str);

impl Names<'_> {
    fn base(&self) -> &str {
        self.0.trim_end_matches('/')
    }

    fn agent(&self, name: &str) -> Value {
        json!({ "objectType": "Agent", "account": { "homePage": self.0, "name": name } })
    }

    fn activity(&self, subject: SubjectType, id: Uuid) -> Value {
        let mut activity = json!({ "objectType": "Activity", "id": format!("{}/{subject}/{id}", self.base()) });
        if let (Some(kind), Some(map)) = (activity_type(subject), activity.as_object_mut()) {
            map.insert("definition".to_owned(), json!({ "type": kind }));
        }
        activity
    }

    fn extension(&self, name: &str) -> String {
        format!("{}/xapi/{name}", self.base())
    }
}

/// An event as a statement; `None` where it has no verb, or nobody whom it is about.
///
/// The actor is the learner, by id alone: no names and no addresses. Who else did it (a grader) is the
/// instructor of the context. The object is what the learner knows: the quiz and not the attempt, the
/// assignment and not the submission; those stand among the extensions, with the kind of the event and
/// the metadata of the host's own kinds. Events hold no scores (V7), so neither does this statement: staff get
/// them from [`Activity::export_xapi`].
pub fn xapi_statement(event: &Event, options: &XapiOptions) -> Option<Value> {
    let NewEvent { kind, metadata, subject_type, subject_id, .. } = &event.event;
    let event_row = &event.event;
    let names = Names(&options.home_page);
    let own = matches!(kind, EventKind::Other(_));
    let verb = if own { options.verbs.get(kind.as_str()).cloned() } else { xapi_verb(kind) }?;
    let actor = match (event_row.student_id, event_row.actor_id) {
        (Some(id), _) => names.agent(&id.to_string()),
        (None, Some(id)) if own => names.agent(&id.to_string()),
        (None, None) if own => names.agent("system"),
        (None, _) => return None,
    };
    let said: Map<String, Value> = metadata.read().unwrap_or_default();
    let named = |field: &str| said.get(field).and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    let (object_type, object_id) = match subject_type {
        SubjectType::Attempt => {
            named("quiz_id").map_or((SubjectType::Attempt, *subject_id), |quiz| (SubjectType::Quiz, quiz))
        }
        SubjectType::Submission => named("assignment_id")
            .map_or((SubjectType::Submission, *subject_id), |assignment| (SubjectType::Assignment, assignment)),
        SubjectType::Enrollment => match event_row.course_id {
            Some(course) => (SubjectType::Course, course.uuid()),
            None => (SubjectType::Enrollment, *subject_id),
        },
        // The host's own kinds tell of their course, or of nothing that is known here.
        SubjectType::Other => match event_row.course_id {
            Some(course) => (SubjectType::Course, course.uuid()),
            None => (SubjectType::Other, *subject_id),
        },
        other => (*other, *subject_id),
    };
    let mut extensions = Map::new();
    extensions.insert(names.extension("event-kind"), json!(kind));
    extensions.insert(names.extension("position"), json!(event.position));
    extensions.insert(names.extension("learner-initiated"), json!(event_row.learner_initiated));
    if event_row.actor_kind != ActorKind::User {
        extensions.insert(names.extension("actor-kind"), json!(event_row.actor_kind));
    }
    if *subject_type != SubjectType::Other && object_type != *subject_type {
        extensions.insert(names.extension(subject_type.as_str()), json!(subject_id));
    }
    if own && !said.is_empty() {
        extensions.insert(names.extension("metadata"), Value::Object(said));
    }
    let mut context = Map::new();
    if let Some(course) = event_row.course_id.filter(|_| object_type != SubjectType::Course) {
        let grouping = json!({ "grouping": [names.activity(SubjectType::Course, course.uuid())] });
        context.insert("contextActivities".to_owned(), grouping);
    }
    let other = event_row.actor_id.filter(|id| event_row.student_id.is_some_and(|student| student != *id));
    if let (Some(id), ActorKind::User) = (other, event_row.actor_kind) {
        context.insert("instructor".to_owned(), names.agent(&id.to_string()));
    }
    context.insert("extensions".to_owned(), Value::Object(extensions));
    let mut statement = json!({
        "id": event_row.id,
        "actor": actor,
        "verb": { "id": verb.id, "display": { "en": verb.display } },
        "object": names.activity(object_type, object_id),
        "context": context,
        "timestamp": event_row.at,
        "version": "1.0.3",
    });
    let result = match kind {
        EventKind::LessonCompleted | EventKind::CourseCompleted => Some(json!({ "completion": true })),
        EventKind::QuizPassed => Some(json!({ "success": true })),
        EventKind::QuizFailed => Some(json!({ "success": false })),
        _ => None,
    };
    if let (Some(result), Some(map)) = (result, statement.as_object_mut()) {
        map.insert("result".to_owned(), result);
    }
    Some(statement)
}

impl Activity<'_> {
    /// A page of the event log as xAPI 1.0.3 statements, one JSON object a line: of a course for its
    /// instructors, of everything for admins and the system. At most `limit` events above `after` are
    /// read, 1 to 2,000. A statement's id is the event's: sent twice, it is one statement.
    ///
    /// "scored" carries the score as it stands when it is exported, posted or not: who may read the export
    /// may read every grade (S14). Without one is what is voided, cleared, deleted, or worth nothing.
    ///
    /// # Errors
    /// Invalid where the host's IRI or a verb is none; Denied, NotFound; Gone as of [`Activity::events`].
    pub async fn export_xapi(
        &self,
        options: &XapiOptions,
        filter: EventFilter,
        after: i64,
        limit: u32,
    ) -> Result<XapiPage, Error> {
        options.check()?;
        let events = self.events(filter, after, limit).await?;
        let scores = self.scores(&events).await?;
        let mut page = XapiPage { read_to: events.last().map(|event| event.position), ..XapiPage::default() };
        for event in &events {
            match xapi_statement(event, options) {
                Some(mut statement) => {
                    let score = scored(event).and_then(|_| scores.get(&event.event.subject_id));
                    if let (Some(score), Some(map)) = (score.copied().and_then(xapi_score), statement.as_object_mut()) {
                        map.insert("result".to_owned(), json!({ "score": score }));
                    }
                    page.lines.push_str(&statement.to_string());
                    page.lines.push('\n');
                    page.statements += 1;
                }
                None => page.skipped += 1,
            }
        }
        Ok(page)
    }

    /// What the attempts and submissions of a page earned: one read, however long it is.
    async fn scores(&self, events: &[Event]) -> Result<HashMap<Uuid, Score>, Error> {
        let of = |what: SubjectType| {
            let named = events.iter().filter(move |event| scored(event) == Some(what));
            let ids: BTreeSet<Uuid> = named.map(|event| event.event.subject_id).collect();
            ids.into_iter()
        };
        let attempts: Vec<_> = of(SubjectType::Attempt).map(AttemptId::from_uuid).collect();
        let submissions: Vec<_> = of(SubjectType::Submission).map(SubmissionId::from_uuid).collect();
        if attempts.is_empty() && submissions.is_empty() {
            return Ok(HashMap::new());
        }
        let work = self.s.store().scored_work(&attempts, &submissions).await?;
        let worth: HashMap<AssignmentId, Points> = work.assignments.iter().map(|a| (a.id, a.max_grade)).collect();
        let attempts = work
            .attempts
            .iter()
            .filter(|a| a.state == AttemptState::Graded)
            .filter_map(|a| Some((a.id.uuid(), Score { earned: a.score?, possible: a.possible? })));
        let submissions = work
            .submissions
            .iter()
            .filter_map(|s| Some((s.id.uuid(), Score { earned: s.grade?, possible: *worth.get(&s.assignment_id)? })));
        Ok(attempts.chain(submissions).collect())
    }
}

/// What an event tells the score of, if it does.
fn scored(event: &Event) -> Option<SubjectType> {
    match (&event.event.kind, event.event.subject_type) {
        (EventKind::QuizGraded, what @ SubjectType::Attempt) => Some(what),
        (EventKind::AssignmentGraded, what @ SubjectType::Submission) => Some(what),
        _ => None,
    }
}

/// A score of xAPI: its numbers are decimal, like points. Of what is worth nothing there is none (N4).
fn xapi_score(score: Score) -> Option<Value> {
    let number = |text: String| text.parse::<serde_json::Number>().ok();
    let scaled = Points::from_units(score.percent_e8()? / 1_000);
    Some(json!({
        "scaled": number(scaled.to_string())?,
        "raw": number(score.earned.to_string())?,
        "min": 0,
        "max": number(score.possible.to_string())?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The brackets of the rule, kind by kind: a new kind is decided here.
    #[test]
    fn v2_every_kind_has_the_verb_of_the_rule_or_none() {
        let verbs = BTreeMap::from([
            ("enrolled", "registered"),
            ("course_opened", "experienced"),
            ("lesson_opened", "experienced"),
            ("topic_viewed", "experienced"),
            ("lesson_completed", "completed"),
            ("course_completed", "completed"),
            ("quiz_started", "attempted"),
            ("quiz_graded", "scored"),
            ("quiz_passed", "passed"),
            ("quiz_failed", "failed"),
            ("assignment_submitted", "submitted"),
            ("assignment_graded", "scored"),
            ("certificate_issued", "earned"),
            ("progress_waived", "waived"),
        ]);
        for word in EventKind::WORDS {
            let verb = xapi_verb(&EventKind::from_word(word));
            assert_eq!(verb.as_ref().map(|v| v.display.as_str()), verbs.get(word).copied(), "{word}");
            assert!(verb.is_none_or(|v| is_iri(&v.id)), "{word}");
        }
    }

    #[test]
    fn what_is_no_iri_is_refused() {
        for bad in ["", "school", "ftp://a", "https://", "https:///a", "https://a b", "https://a\n", "https://a#b"] {
            assert!(XapiOptions::new(bad).check().is_err(), "{bad:?}");
        }
        assert!(XapiOptions::new("https://schule.example/ä").check().is_ok());
        assert!(XapiOptions::new(format!("https://{}", "a".repeat(500))).check().is_err());
    }
}
