//! A document to a new draft course.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::error::Problem;
use crate::lms::catalog::{check_course, check_lesson, check_objective, check_rule, made, owner_of_new_course};
use crate::lms::{Catalog, Command, NewAssignment, NewCourse, NewLesson, NewQuestion, NewQuiz, NewTopic, Planned};
use crate::rules::authoring::{PROBLEMS, check_quiz_questions, check_topic, refuse};
use crate::store::WriteBatch;

/// What an import decides that no document says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ImportOptions {
    /// Who owns the course; the actor unless the system or an admin says otherwise.
    pub instructor_id: Option<UserId>,
    /// The host's own id of the course, unique where given.
    pub external_id: Option<String>,
    /// Another title than the document's.
    pub title: Option<String>,
}

/// The most lessons of a document.
const LESSONS: usize = 5_000;
/// The most objectives of a document.
const OBJECTIVES: usize = 5_000;
/// The most topics, quizzes, questions and assignments of a document, all together.
const ITEMS: usize = 100_000;
/// The most requirements of lessons and links to objectives of a document, all together.
const LINKS: usize = 100_000;

impl Catalog<'_> {
    /// Makes a new draft of a document, whole or not at all, in one transaction and with every check
    /// that authoring has. The course is a draft of the actor's; its lessons, quizzes and assignments
    /// are as visible as the document says, which learners see once the course is published.
    ///
    /// Content keeps whether AI made it. Importing a document twice makes two courses.
    ///
    /// # Errors
    /// Denied to those who may not create courses; Invalid with every problem, each with its place
    /// (`lessons[2].quizzes[0].questions[4].options`), the first thousand; ExternalIdTaken.
    #[tracing::instrument(name = "lms.import_course", skip_all, fields(course, outcome))]
    pub async fn import_course(&self, document: CourseDocument, options: ImportOptions) -> Result<Course, Error> {
        let (document, options) = (&document, &options);
        self.s.run(None, |command| self.plan_import(command, document, options)).await
    }

    pub(crate) async fn plan_import(
        &self,
        mut command: Command,
        document: &CourseDocument,
        options: &ImportOptions,
    ) -> Result<Planned<Course>, Error> {
        let id: CourseId = command.new_id();
        if command.done {
            return Ok(Planned::nothing(self.course(id).await?));
        }
        let owner = owner_of_new_course(self.s, &command, options.instructor_id).await?;
        check_size(document)?;
        let mut import = Import { command: &command, course: id, problems: Vec::new(), batch: WriteBatch::default() };
        let course = import.all(document, options, owner)?;
        let Import { problems, mut batch, .. } = import;
        refuse(problems)?;
        batch.events.push(made(&mut command, &course, "imported"));
        Ok(Planned { batch, outcome: course })
    }
}

/// Refuses what is too large to look at in detail.
fn check_size(document: &CourseDocument) -> Result<(), Error> {
    if document.version != COURSE_DOCUMENT_VERSION {
        return Err(unknown_version(u64::from(document.version)));
    }
    let mut problems = Vec::new();
    let mut most = |field: &str, count: usize, max: usize| {
        if count > max {
            problems.push(Problem::new("document.too_many", field, format!("must be at most {max}, is {count}")));
        }
    };
    most("objectives", document.objectives.len(), OBJECTIVES);
    most("lessons", document.lessons.len(), LESSONS);
    let questions = |lesson: &PortableLesson| lesson.quizzes.iter().map(|q| q.questions.len()).sum::<usize>();
    let items = document.lessons.iter().map(|l| l.topics.len() + l.quizzes.len() + l.assignments.len() + questions(l));
    most("lessons", items.sum(), ITEMS);
    let of_questions = |q: &PortableQuiz| q.questions.iter().map(|q| q.objectives.len()).sum::<usize>();
    let links = document.lessons.iter().map(|lesson| {
        let quizzes = lesson.quizzes.iter().map(of_questions).sum::<usize>();
        let assignments = lesson.assignments.iter().map(|a| a.objectives.len()).sum::<usize>();
        lesson.requires.len() + lesson.objectives.len() + quizzes + assignments
    });
    most("lessons", links.sum(), LINKS);
    refuse(problems)
}

/// What an import has found and put together so far.
struct Import<'a> {
    command: &'a Command,
    course: CourseId,
    problems: Vec<Problem>,
    batch: WriteBatch,
}

fn place(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Import<'_> {
    /// What is wrong at a place of the document; stops at the thousandth.
    fn found(&mut self, at: &str, problems: Vec<Problem>) -> Result<(), Error> {
        for mut problem in problems {
            problem.field = match (at.is_empty(), problem.field.is_empty()) {
                (true, _) => problem.field,
                (false, true) => at.to_owned(),
                (false, false) => format!("{at}.{}", problem.field),
            };
            self.problems.push(problem);
            if self.problems.len() >= PROBLEMS {
                return Err(Error::Invalid { problems: std::mem::take(&mut self.problems) });
            }
        }
        Ok(())
    }

    /// What a check made; its problems are kept with their place.
    fn take<T>(&mut self, at: &str, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Invalid { problems }) => self.found(at, problems).map(|()| None),
            Err(e) => Err(e),
        }
    }

    /// The command under which one quiz or assignment draws its ids.
    fn part(&self, label: &str, n: usize) -> Command {
        let mut part = self.command.clone();
        part.id = self.command.derived(label, n as u64);
        part
    }

    /// The objectives with these keys, each once.
    fn linked(
        &mut self,
        at: &str,
        keys: &[String],
        known: &BTreeMap<&str, ObjectiveId>,
    ) -> Result<BTreeSet<ObjectiveId>, Error> {
        let mut ids = BTreeSet::new();
        for (n, key) in keys.iter().enumerate() {
            match known.get(key.as_str()) {
                Some(id) => {
                    ids.insert(*id);
                }
                None => {
                    let message = "the document has no such objective";
                    self.found(at, vec![Problem::new("objective.unknown", format!("objectives[{n}]"), message)])?;
                }
            }
        }
        Ok(ids)
    }

    fn all(&mut self, document: &CourseDocument, options: &ImportOptions, owner: UserId) -> Result<Course, Error> {
        let now = self.command.now;
        let from = &document.course;
        let new = NewCourse {
            title: options.title.clone().unwrap_or_else(|| from.title.clone()),
            description: from.description.clone(),
            instructor_id: Some(owner),
            thumbnail_url: from.thumbnail_url.clone(),
            audience: from.audience.clone(),
            difficulty: from.difficulty.clone(),
            estimated_minutes: from.estimated_minutes,
            language: from.language.clone(),
            time_zone: from.time_zone.clone(),
            external_id: options.external_id.clone(),
            flow: from.flow,
            enrollment: from.enrollment,
            capacity: from.capacity,
            certificates: from.certificates,
            metadata: Some(from.metadata.clone()),
        };
        let mut course = new.into_course(self.course, owner, None, now);
        course.is_ai_generated = from.origin.is_ai_generated;
        course.ai_edited_at = from.origin.ai_edited_at;
        course.certificate_valid_days = from.certificate_valid_days;
        let checked = check_course(&course);
        self.take("course", checked)?;
        // The course's row stands first; its totals are counted below.
        let mut rows = std::mem::take(&mut self.batch.changes);

        let mut objectives = BTreeMap::new();
        for (n, from) in document.objectives.iter().enumerate() {
            let at = format!("objectives[{n}]");
            let checked = check_objective(&from.key, &from.text);
            self.take(&at, checked)?;
            let id = ObjectiveId::from_uuid(self.command.derived("objective", n as u64));
            if objectives.insert(from.key.as_str(), id).is_some() {
                self.found(&at, vec![Problem::new("document.key", "key", "is the key of another objective, too")])?;
            }
            self.batch.insert(Objective {
                id,
                course_id: self.course,
                key: from.key.clone(),
                text: from.text.clone(),
                order_index: place(n),
                version: 1,
                created_at: now,
                updated_at: now,
            });
        }
        for (n, lesson) in document.lessons.iter().enumerate() {
            self.lesson(n, lesson, &objectives, &mut course)?;
        }
        self.requirements(&document.lessons)?;
        rows.push(crate::store::Change::Insert(course.clone().into()));
        rows.append(&mut self.batch.changes);
        self.batch.changes = rows;
        Ok(course)
    }

    fn lesson(
        &mut self,
        n: usize,
        from: &PortableLesson,
        objectives: &BTreeMap<&str, ObjectiveId>,
        course: &mut Course,
    ) -> Result<(), Error> {
        let now = self.command.now;
        let at = format!("lessons[{n}]");
        let id = LessonId::from_uuid(self.command.derived("lesson", n as u64));
        let new = NewLesson {
            title: from.title.clone(),
            summary: from.summary.clone(),
            index: None,
            is_published: from.is_published,
            is_required: from.is_required,
            completion_rule: from.completion_rule,
            available_from: from.available_from,
            estimated_minutes: from.estimated_minutes,
            metadata: Some(from.metadata.clone()),
        };
        let mut lesson = new.into_lesson(id, self.course, place(n), None, now);
        lesson.is_ai_generated = from.origin.is_ai_generated;
        lesson.ai_edited_at = from.origin.ai_edited_at;
        let checked = check_lesson(&lesson);
        self.take(&at, checked)?;
        self.batch.insert(lesson.clone());
        for objective_id in self.linked(&at, &from.objectives, objectives)? {
            self.batch.insert(ObjectiveLesson { objective_id, lesson_id: id });
        }
        for (t, topic) in from.topics.iter().enumerate() {
            self.topic(&format!("{at}.topics[{t}]"), (n, t), topic, id)?;
        }
        let mut quizzes = Vec::with_capacity(from.quizzes.len());
        for (q, quiz) in from.quizzes.iter().enumerate() {
            quizzes.extend(self.quiz(&format!("{at}.quizzes[{q}]"), (n, q), quiz, id, objectives)?);
        }
        let mut assignments = Vec::with_capacity(from.assignments.len());
        for (a, assignment) in from.assignments.iter().enumerate() {
            let at = format!("{at}.assignments[{a}]");
            assignments.extend(self.assignment(&at, (n, a), assignment, id, objectives)?);
        }
        if quizzes.len() == from.quizzes.len() && assignments.len() == from.assignments.len() {
            let checked = check_rule(&lesson, place(from.topics.len()), &quizzes, &assignments);
            self.take(&at, checked)?;
        }
        course.lessons_total += i64::from(lesson.counts());
        if lesson.is_published {
            let quizzes = quizzes.iter().filter(|q| q.is_published && q.is_required).count();
            let assignments = assignments.iter().filter(|a| a.is_published && a.is_required).count();
            course.quizzes_total += place(quizzes);
            course.assignments_total += place(assignments);
        }
        Ok(())
    }

    fn topic(&mut self, at: &str, n: (usize, usize), from: &PortableTopic, lesson: LessonId) -> Result<(), Error> {
        let id = TopicId::from_uuid(self.command.derived("topic", (n.0 as u64) << 32 | n.1 as u64));
        let new = NewTopic {
            title: from.title.clone(),
            content_type: from.content_type.clone(),
            content_url: from.content_url.clone(),
            body: from.body.clone(),
            index: None,
            metadata: Some(from.metadata.clone()),
        };
        let mut topic = new.into_topic(id, lesson, place(n.1), None, self.command.now);
        topic.is_ai_generated = from.origin.is_ai_generated;
        topic.ai_edited_at = from.origin.ai_edited_at;
        self.found(at, check_topic(&topic))?;
        self.batch.insert(topic);
        Ok(())
    }

    fn quiz(
        &mut self,
        at: &str,
        n: (usize, usize),
        from: &PortableQuiz,
        lesson: LessonId,
        objectives: &BTreeMap<&str, ObjectiveId>,
    ) -> Result<Option<Quiz>, Error> {
        let part = self.part(&format!("quiz-{}", n.0), n.1);
        let question = |q: &PortableQuestion| NewQuestion {
            text: q.text.clone(),
            body: q.body.clone(),
            points: q.points,
            negative_points: q.negative_points,
            explanation: q.explanation.clone(),
            source_quote: q.source_quote.clone(),
            // Linked below, by a map: a list of keys is looked up once, however long it is.
            objectives: Vec::new(),
        };
        let new = NewQuiz {
            title: from.title.clone(),
            description: from.description.clone(),
            index: None,
            is_published: from.is_published,
            rules: from.rules.clone(),
            questions: from.questions.iter().map(question).collect(),
            metadata: Some(from.metadata.clone()),
        };
        let made = new.into_rows(&part, lesson, place(n.1), None, &[]);
        let Some((mut quiz, questions, _)) = self.take(at, made)? else { return Ok(None) };
        quiz.is_ai_generated = from.origin.is_ai_generated;
        quiz.ai_edited_at = from.origin.ai_edited_at;
        let adjusted =
            questions.iter().zip(&from.questions).filter_map(|(q, from)| Some((q.id.uuid(), from.adjustment?)));
        let adjustments = Adjustments { questions: adjusted.collect(), ..Adjustments::default() };
        if !adjustments.questions.is_empty() {
            quiz.adjustments = Json::of(&adjustments);
            // Without the questions that are dropped it may be worth nothing (N6).
            self.found(at, check_quiz_questions(&quiz, &questions))?;
        }
        self.batch.insert(quiz.clone());
        for (q, (mut question, from)) in questions.into_iter().zip(&from.questions).enumerate() {
            let question_id = question.id;
            question.is_ai_generated = from.origin.is_ai_generated;
            question.ai_edited_at = from.origin.ai_edited_at;
            self.batch.insert(question);
            for objective_id in self.linked(&format!("{at}.questions[{q}]"), &from.objectives, objectives)? {
                self.batch.insert(ObjectiveQuestion { objective_id, question_id });
            }
        }
        Ok(Some(quiz))
    }

    fn assignment(
        &mut self,
        at: &str,
        n: (usize, usize),
        from: &PortableAssignment,
        lesson: LessonId,
        objectives: &BTreeMap<&str, ObjectiveId>,
    ) -> Result<Option<Assignment>, Error> {
        let part = self.part(&format!("assignment-{}", n.0), n.1);
        let new = NewAssignment {
            title: from.title.clone(),
            description: from.description.clone(),
            max_grade: from.max_grade,
            rubric: from.rubric.clone(),
            index: None,
            is_published: from.is_published,
            rules: from.rules.clone(),
            objectives: Vec::new(),
            metadata: Some(from.metadata.clone()),
        };
        let made = new.into_rows(&part, lesson, place(n.1), None, &[]);
        let Some((mut assignment, _)) = self.take(at, made)? else { return Ok(None) };
        assignment.is_ai_generated = from.origin.is_ai_generated;
        assignment.ai_edited_at = from.origin.ai_edited_at;
        let assignment_id = assignment.id;
        self.batch.insert(assignment.clone());
        for objective_id in self.linked(at, &from.objectives, objectives)? {
            self.batch.insert(ObjectiveAssignment { objective_id, assignment_id });
        }
        Ok(Some(assignment))
    }

    /// Which lesson waits for which, by their keys; never in a circle (X2).
    fn requirements(&mut self, lessons: &[PortableLesson]) -> Result<(), Error> {
        let mut places = BTreeMap::new();
        for (n, lesson) in lessons.iter().enumerate() {
            let at = format!("lessons[{n}]");
            let fits = !lesson.key.is_empty() && lesson.key.chars().count() <= 60;
            if !fits || lesson.key.contains('\0') {
                self.found(&at, vec![Problem::new("document.key", "key", "must have 1 to 60 characters")])?;
            } else if places.insert(lesson.key.as_str(), n).is_some() {
                self.found(&at, vec![Problem::new("document.key", "key", "is the key of another lesson, too")])?;
            }
        }
        let mut edges: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); lessons.len()];
        for (n, (lesson, edges)) in lessons.iter().zip(&mut edges).enumerate() {
            for (r, key) in lesson.requires.iter().enumerate() {
                match places.get(key.as_str()) {
                    Some(required) => {
                        edges.insert(*required);
                    }
                    None => {
                        let field = format!("requires[{r}]");
                        let problem = Problem::new("lesson.requires", field, "must be the key of a lesson");
                        self.found(&format!("lessons[{n}]"), vec![problem])?;
                    }
                }
            }
        }
        if let Some(n) = in_a_circle(&edges) {
            let message = "the lessons would wait for one another";
            let problem = Problem::new("lesson.requires_cycle", "requires", message);
            self.found(&format!("lessons[{n}]"), vec![problem])?;
        }
        let id = |n: usize| LessonId::from_uuid(self.command.derived("lesson", n as u64));
        let rows: Vec<_> = edges
            .iter()
            .enumerate()
            .flat_map(|(n, required)| required.iter().map(move |r| (n, *r)))
            .map(|(n, r)| LessonRequirement { lesson_id: id(n), requires_id: id(r) })
            .collect();
        for row in rows {
            self.batch.insert(row);
        }
        Ok(())
    }
}

/// A node of a directed graph that stands in or behind a circle, if there is one: what is left once
/// every node without open edges has been taken away, again and again.
fn in_a_circle(edges: &[BTreeSet<usize>]) -> Option<usize> {
    let mut open: Vec<usize> = edges.iter().map(BTreeSet::len).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (n, required) in edges.iter().enumerate() {
        for r in required {
            if let Some(list) = waiting.get_mut(*r) {
                list.push(n);
            }
        }
    }
    let mut free: Vec<usize> = open.iter().enumerate().filter(|(_, count)| **count == 0).map(|(n, _)| n).collect();
    while let Some(n) = free.pop() {
        for w in waiting.get(n).into_iter().flatten() {
            if let Some(count) = open.get_mut(*w) {
                *count -= 1;
                if *count == 0 {
                    free.push(*w);
                }
            }
        }
    }
    open.iter().position(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    proptest! {
        /// The way of the single command (X2) and the way of the document agree on every small graph.
        #[test]
        fn x2_a_circle_is_found_as_the_single_command_finds_it(pairs in prop::collection::vec((0usize..5, 0usize..5), 0..9)) {
            let mut edges = vec![BTreeSet::new(); 5];
            let mut single: Vec<(LessonId, LessonId)> = Vec::new();
            let id = |n: usize| LessonId::from_uuid(Uuid::from_u128(n as u128 + 1));
            let mut refused = false;
            for (from, to) in pairs {
                edges[from].insert(to);
                refused |= crate::rules::authoring::would_cycle(id(from), id(to), &single);
                single.push((id(from), id(to)));
            }
            prop_assert_eq!(in_a_circle(&edges).is_some(), refused);
        }
    }
}
