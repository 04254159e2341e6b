//! Courses, lesson bodies, quizzes and assignments by AI.

use std::collections::BTreeMap;

use lms_core::ai::Part;
use lms_core::lms::{
    AssignmentRules, CourseDraft, LessonDraft, NewAssignment, NewCourse, NewLesson, NewQuestion, NewQuiz, NewTopic,
    QuizRules, Session, WrittenCourse,
};
use lms_core::model::question::{ChoiceMode, Labelled, QuestionBody, TextKey};
use lms_core::model::{
    AiLog, AiLogStatus, Assignment, BasisPoints, ContentType, Course, Criterion, Lesson, LessonId, Points, Quiz,
    Rubric, SubjectType, Topic, TopicId,
};
use lms_core::store::ContentRef;
use uuid::Uuid;

use crate::engine::MAX_PROMPT;
use crate::task::{
    AssignmentIn, AssignmentOut, AssignmentTask, BodyIn, BodyOut, BodyTask, CallSize, Objective, OptionOut,
    OutlineBrief, OutlineIn, OutlineOut, OutlineTask, QuestionOut, QuestionType, QuizIn, QuizOut, QuizTask,
    SourceSection, shuffle_options,
};
use crate::{About, Accepted, Ai, AiError};

/// What an instructor asks for: topic, audience, difficulty and length, and a source to teach from.
#[derive(Debug, Clone, Default)]
pub struct CourseBrief {
    /// What is asked of the outline.
    pub outline: OutlineBrief,
    /// The headings of a source in reading order; empty without one.
    pub source: Vec<SourceSection>,
    /// How large the prompt and the answer may be, where a long source needs more.
    pub size: Option<CallSize>,
}

/// What is asked of a quiz.
#[derive(Debug, Clone, Default)]
pub struct QuizBrief {
    /// How many questions.
    pub count: usize,
    /// The types that may be used; all where empty.
    pub types: Vec<QuestionType>,
    /// How hard it is.
    pub difficulty: String,
    /// What it asks of attempts.
    pub rules: QuizRules,
}

/// What is asked of an assignment.
#[derive(Debug, Clone)]
pub struct AssignmentBrief {
    /// What it is worth, in whole points.
    pub max_points: i64,
    /// What it asks of the work handed in.
    pub rules: AssignmentRules,
}

impl Default for AssignmentBrief {
    fn default() -> Self {
        Self { max_points: 100, rules: AssignmentRules::default() }
    }
}

impl Ai {
    /// An outline for a brief, accepted but not written: it waits in ai_logs until it is applied with
    /// [`Ai::apply_outline`] or dropped.
    ///
    /// # Errors
    /// See [`AiError`].
    pub async fn propose_course(
        &self,
        session: &Session,
        brief: &CourseBrief,
        about: About,
    ) -> Result<Accepted<OutlineOut>, AiError> {
        let mut input =
            OutlineIn { brief: brief.outline.clone(), source: brief.source.clone(), ..OutlineIn::default() };
        if let Some(size) = brief.size {
            input.size = size;
        }
        self.run::<OutlineTask>(session, &input, about).await
    }

    /// Writes an accepted outline: course, objectives, lessons, topics and links, and the log row's
    /// flip, in one transaction (I1).
    ///
    /// # Errors
    /// See [`AiError`].
    pub async fn apply_outline(
        &self,
        session: &Session,
        brief: &CourseBrief,
        accepted: &Accepted<OutlineOut>,
    ) -> Result<WrittenCourse, AiError> {
        let draft = course_draft(&brief.outline, accepted.value());
        Ok(session.catalog().apply_course(draft, accepted.origin()).await?)
    }

    /// Generates a course from a brief and writes it, whole or not at all.
    ///
    /// # Errors
    /// See [`AiError`].
    #[tracing::instrument(name = "ai.create_course", skip_all)]
    pub async fn create_course(
        &self,
        session: &Session,
        brief: &CourseBrief,
        about: About,
    ) -> Result<WrittenCourse, AiError> {
        let accepted = self.propose_course(session, brief, about).await?;
        self.apply_outline(session, brief, &accepted).await
    }

    /// Generates the text of a topic, from its part of a source where one is given, and writes it.
    ///
    /// # Errors
    /// See [`AiError`].
    #[tracing::instrument(name = "ai.write_body", skip_all)]
    pub async fn write_body(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        mut about: About,
    ) -> Result<Topic, AiError> {
        let row = session.catalog().topic(topic).await?;
        let lesson = session.catalog().lesson(row.lesson_id).await?;
        let (course, objectives) = lesson_objectives(self, &lesson).await?;
        about.course_id = Some(course.id);
        about.subject = Some(("topic", topic.uuid()));
        let source = source.unwrap_or_default();
        let synopsis = match about.operation_id {
            Some(operation) => self.synopsis_before(operation, topic).await?,
            None => None,
        };
        let input = BodyIn {
            course_title: course.title.clone(),
            lesson_title: lesson.title.clone(),
            lesson_summary: lesson.summary.clone(),
            topic_title: row.title.clone(),
            synopsis: synopsis.or(row.body).unwrap_or_default(),
            objectives,
            audience: course.audience.clone(),
            difficulty: course.difficulty.clone(),
            language: course.language.clone(),
            source: source.to_owned(),
            size: room_for(BodyIn::default().size, source),
            ..BodyIn::default()
        };
        let accepted = self.run::<BodyTask>(session, &input, about).await?;
        let body = body_markdown(accepted.value());
        Ok(session.catalog().apply_body(topic, body, accepted.origin()).await?)
    }

    /// The synopsis that this very operation has replaced by its body: who repeats the operation asks the
    /// same again (I3), and the topic no longer has it. The log does.
    async fn synopsis_before(&self, operation: Uuid, topic: TopicId) -> Result<Option<String>, AiError> {
        #[derive(serde::Deserialize)]
        struct Logged {
            parts: Vec<Part>,
        }
        let rows = self.lms.store().ai_operation(operation).await.map_err(lms_core::Error::from)?;
        let applied = |row: &&AiLog| row.status == AiLogStatus::Applied && row.subject_id == Some(topic.uuid());
        let prompt = rows.iter().find(applied).and_then(|row| row.prompt_text.as_deref());
        let logged: Option<Logged> = prompt.and_then(|text| serde_json::from_str(text).ok());
        let slice = logged.and_then(|logged| logged.parts.into_iter().find(|part| part.label == "slice"));
        let asked: Option<BodyIn> = slice.and_then(|part| serde_json::from_str(&part.text).ok());
        Ok(asked.map(|asked| asked.synopsis))
    }

    /// Generates a quiz from the text of a lesson and writes it, unpublished, whole or not at all.
    /// Its options are shuffled here.
    ///
    /// # Errors
    /// See [`AiError`]; NoText where the lesson has too little text to ask about.
    #[tracing::instrument(name = "ai.create_quiz", skip_all)]
    pub async fn create_quiz(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &QuizBrief,
        mut about: About,
    ) -> Result<Quiz, AiError> {
        let row = session.catalog().lesson(lesson).await?;
        let (course, objectives) = lesson_objectives(self, &row).await?;
        about.course_id = Some(row.course_id);
        about.subject = Some(("lesson", lesson.uuid()));
        let text = lesson_text(session, lesson, QuizIn::default().size).await?;
        if text.trim().chars().count() < 100 {
            return Err(AiError::NoText("write the lesson's topics first"));
        }
        let input = QuizIn {
            lesson_title: row.title.clone(),
            lesson_markdown: text,
            language: course.language.clone(),
            count: brief.count.max(1),
            types: brief.types.clone(),
            objectives,
            difficulty: brief.difficulty.clone(),
            ..QuizIn::default()
        };
        let accepted = self.run::<QuizTask>(session, &input, about).await?;
        let seed = accepted.origin().operation_id.as_u64_pair().1;
        let quiz = new_quiz(&shuffle_options(accepted.value(), seed), brief.rules.clone());
        Ok(session.catalog().apply_quiz(lesson, quiz, accepted.origin()).await?)
    }

    /// Generates an assignment with a rubric, tied to objectives of the course, and writes it into a
    /// lesson, unpublished. AI grades work on it, unless the brief's rules say otherwise (S11).
    ///
    /// # Errors
    /// See [`AiError`].
    #[tracing::instrument(name = "ai.create_assignment", skip_all)]
    pub async fn create_assignment(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &AssignmentBrief,
        mut about: About,
    ) -> Result<Assignment, AiError> {
        let row = session.catalog().lesson(lesson).await?;
        let (course, objectives) = lesson_objectives(self, &row).await?;
        about.course_id = Some(course.id);
        about.subject = Some(("lesson", lesson.uuid()));
        let input = AssignmentIn {
            context_title: row.title.clone(),
            source: lesson_text(session, lesson, AssignmentIn::default().size).await?,
            objectives,
            max_points: brief.max_points,
            audience: course.audience.clone(),
            difficulty: course.difficulty.clone(),
            language: course.language.clone(),
            ..AssignmentIn::default()
        };
        let accepted = self.run::<AssignmentTask>(session, &input, about).await?;
        let assignment = new_assignment(accepted.value(), brief)?;
        Ok(session.catalog().apply_assignment(lesson, assignment, accepted.origin()).await?)
    }
}

/// The text of a lesson: its topics, each under its title. Of a lesson that is longer than one call takes,
/// every topic gives its beginning, the shorter ones whole.
async fn lesson_text(session: &Session, lesson: LessonId, size: CallSize) -> Result<String, AiError> {
    let topics = session.catalog().topics(lesson).await?;
    let parts: Vec<String> = topics
        .iter()
        .filter_map(|topic| Some((&topic.title, without_aids(topic.body.as_deref()?))))
        .map(|(title, body)| format!("## {title}\n\n{body}\n"))
        .collect();
    Ok(fitting(&parts, size.input_bytes / 4 * 3).join("\n"))
}

/// The parts, cut so that they fit together: the longest are cut first, each after a paragraph.
fn fitting(parts: &[String], bytes: usize) -> Vec<&str> {
    let mut most = parts.iter().map(String::len).max().unwrap_or(0);
    while most > 0 && parts.iter().map(|part| part.len().min(most) + 1).sum::<usize>() > bytes {
        most = most * 9 / 10;
    }
    parts.iter().map(|part| beginning(part, most)).collect()
}

/// At most this many bytes of a text, up to the end of a paragraph, a line or a word.
fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let boundary = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let cut = text.get(..boundary).unwrap_or_default();
    let end = ["\n\n", "\n", " "].iter().find_map(|mark| cut.rfind(mark).filter(|at| *at > bytes / 2));
    cut.get(..end.unwrap_or(cut.len())).unwrap_or_default()
}

/// A task's size, widened for a text of the caller's own; the engine's limit stands above it.
fn room_for(size: CallSize, text: &str) -> CallSize {
    CallSize { input_bytes: size.input_bytes.max(text.len().saturating_mul(2).min(MAX_PROMPT)), ..size }
}

/// The course of a lesson, and the objectives that the lesson serves; all of the course's where it names
/// none.
async fn lesson_objectives(ai: &Ai, lesson: &Lesson) -> Result<(Course, Vec<Objective>), AiError> {
    let (store, course) = (ai.lms.store(), lesson.course_id);
    let found = store.content(None, ContentRef::Objectives(course)).await.map_err(lms_core::Error::from)?;
    let found = found.ok_or_else(|| lms_core::Error::not_found(SubjectType::Course, course))?;
    let links = store.objective_links(course).await.map_err(lms_core::Error::from)?;
    let served = |objective: &lms_core::model::Objective| links.contains(&(objective.id, lesson.id.uuid()));
    let any = found.objectives.iter().any(served);
    let objectives = found
        .objectives
        .iter()
        .filter(|objective| !any || served(objective))
        .map(|objective| Objective { key: objective.key.clone(), text: objective.text.clone() })
        .collect();
    Ok((found.course, objectives))
}

fn course_draft(brief: &OutlineBrief, out: &OutlineOut) -> CourseDraft {
    let minutes: i64 = out.lessons.iter().map(|lesson| lesson.minutes).sum();
    CourseDraft {
        course: NewCourse {
            description: out.description.clone(),
            audience: brief.audience.clone(),
            difficulty: brief.difficulty.clone(),
            estimated_minutes: (minutes > 0).then_some(minutes),
            language: brief.language.clone(),
            ..NewCourse::titled(out.title.clone())
        },
        objectives: out.objectives.iter().map(|o| (o.key.clone(), o.text.clone())).collect(),
        lessons: out
            .lessons
            .iter()
            .map(|lesson| LessonDraft {
                lesson: NewLesson {
                    summary: lesson.summary.clone(),
                    estimated_minutes: (lesson.minutes > 0).then_some(lesson.minutes),
                    ..NewLesson::titled(lesson.title.clone())
                },
                objectives: lesson.objective_keys.clone(),
                topics: lesson
                    .topics
                    .iter()
                    .map(|topic| NewTopic {
                        content_type: ContentType::Text,
                        ..NewTopic::text(topic.title.clone(), topic.synopsis.clone())
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// Stands between a text and its key points.
const KEY_POINTS: &str = "\n\n### Key points\n\n";
/// Stands between a text or its key points and its terms.
const TERMS: &str = "\n### Terms\n\n";

/// The text of a topic without the key points and terms that [`body_markdown`] has put below it: they
/// say again, and not word for word, what the text says, so that nothing is to be asked about them.
fn without_aids(body: &str) -> &str {
    let cut = |body, mark: &str| match str::rfind(body, mark) {
        Some(at) if is_list(body.get(at + mark.len()..).unwrap_or_default()) => body.get(..at).unwrap_or(body),
        _ => body,
    };
    cut(cut(body, TERMS).trim_end(), KEY_POINTS).trim_end()
}

fn is_list(text: &str) -> bool {
    text.lines().all(|line| line.is_empty() || line.starts_with("- "))
}

/// The body of a topic as it is stored: the text, its key points, its terms.
fn body_markdown(out: &BodyOut) -> String {
    let mut body = out.body_markdown.trim().to_owned();
    if !out.key_points.is_empty() {
        body.push_str(KEY_POINTS);
        for point in &out.key_points {
            body.push_str(&format!("- {point}\n"));
        }
    }
    if !out.glossary.is_empty() {
        body.push_str(TERMS);
        for entry in &out.glossary {
            body.push_str(&format!("- **{}**: {}\n", entry.term, entry.definition));
        }
    }
    body
}

fn new_quiz(out: &QuizOut, rules: QuizRules) -> NewQuiz {
    NewQuiz {
        description: out.description.clone(),
        rules,
        questions: out.questions.iter().map(new_question).collect(),
        ..NewQuiz::titled(out.title.clone())
    }
}

fn new_question(out: &QuestionOut) -> NewQuestion {
    let id = |n: usize| format!("o{}", n + 1);
    let options = || out.options.iter().enumerate().map(|(n, o)| Labelled::new(id(n), o.text.clone())).collect();
    let right = || out.options.iter().enumerate().filter(|(_, o)| o.is_correct).map(|(n, _)| id(n));
    let why = || -> BTreeMap<String, String> {
        let said = |o: &OptionOut| !o.why.is_empty();
        out.options.iter().enumerate().filter(|(_, o)| said(o)).map(|(n, o)| (id(n), o.why.clone())).collect()
    };
    let body = match out.question_type {
        QuestionType::SingleChoice | QuestionType::TrueFalse => {
            QuestionBody::SingleChoice { options: options(), correct: right().next().unwrap_or_default(), why: why() }
        }
        QuestionType::MultipleChoice => QuestionBody::MultipleChoice {
            options: options(),
            correct: right().collect(),
            mode: ChoiceMode::NetCorrect,
            why: why(),
        },
        QuestionType::ShortText => QuestionBody::ShortText {
            keys: out.options.iter().map(|o| TextKey::Exact { text: o.text.clone(), edits: 0 }).collect(),
            case_sensitive: false,
        },
    };
    NewQuestion {
        explanation: out.explanation.clone(),
        source_quote: Some(out.source_quote.clone()),
        objectives: if out.objective_key.is_empty() { Vec::new() } else { vec![out.objective_key.clone()] },
        ..NewQuestion::new(out.text.clone(), body)
    }
}

fn new_assignment(out: &AssignmentOut, brief: &AssignmentBrief) -> Result<NewAssignment, AiError> {
    // The task's own checks have bounded the points; whole points always count in units.
    let points = |whole: i64| Points::whole(whole).ok_or(AiError::NoText("the points are out of range"));
    let mut criteria = Vec::with_capacity(out.criteria.len());
    for criterion in &out.criteria {
        criteria.push(Criterion {
            id: criterion.key.clone(),
            title: criterion.title.clone(),
            description: criterion.description.clone(),
            max: points(criterion.max_points)?,
        });
    }
    let mut rules = brief.rules.clone();
    if rules.ai_confidence_bp.is_none() {
        rules.ai_confidence_bp = BasisPoints::percent(70);
    }
    Ok(NewAssignment {
        description: format!("{}\n\n{}", out.description.trim(), out.instructions_markdown.trim()),
        rubric: Some(Rubric { criteria, staff_notes: String::new() }),
        rules,
        objectives: out.objective_keys.clone(),
        ..NewAssignment::new(out.title.clone(), points(brief.max_points)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aids_below_a_text_are_told_from_the_text() {
        let term = |term: &str| crate::task::GlossaryOut { term: term.into(), definition: "So it is.".into() };
        let out = |key_points: &[&str], glossary| BodyOut {
            body_markdown: "One.\n\n### Terms\n\nTwo.".into(),
            key_points: key_points.iter().map(ToString::to_string).collect(),
            glossary,
            minutes: 1,
        };
        for stored in [out(&["One."], vec![term("a")]), out(&[], vec![term("a")]), out(&["One."], vec![])] {
            let body = body_markdown(&stored);
            assert!(body.len() > stored.body_markdown.len());
            assert_eq!(without_aids(&body), stored.body_markdown);
            let edited = format!("{body}\nA teacher's own words.");
            assert_eq!(without_aids(&edited), edited, "what a person wrote stays");
        }
        assert_eq!(without_aids("Nothing added."), "Nothing added.");
    }

    #[test]
    fn long_parts_give_their_beginnings_and_short_ones_stay_whole() {
        let parts = vec!["short".to_owned(), "One paragraph.\n\n".repeat(100), "Ünïcödé ".repeat(300)];
        let cut = fitting(&parts, 1_000);
        assert_eq!(cut[0], "short");
        assert!(cut[1].ends_with("paragraph.") && cut.iter().map(|c| c.len() + 1).sum::<usize>() <= 1_000);
        assert_eq!(fitting(&parts, 1_000_000), parts);
        assert!(fitting(&parts, 0).iter().all(|part| part.is_empty()));
    }
}
