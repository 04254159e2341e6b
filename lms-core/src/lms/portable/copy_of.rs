//! Where the content of a copied course comes from: what the document of a course does not say.

use std::collections::HashMap;

use crate::model::*;
use crate::store::{Change, CourseContent, Row, WriteBatch};

/// The rows of a course in the order in which its document is written: the source of each row of a copy.
pub(crate) struct CopyOf {
    course: (CourseId, Option<AiLogId>),
    lessons: Vec<(LessonId, Option<AiLogId>)>,
    topics: Vec<(TopicId, Option<AiLogId>)>,
    quizzes: Vec<(QuizId, Option<AiLogId>)>,
    questions: Vec<(QuestionId, Option<AiLogId>)>,
    assignments: Vec<(AssignmentId, Option<AiLogId>)>,
}

impl CopyOf {
    pub(crate) fn new(content: &CourseContent) -> Self {
        let structure = &content.structure;
        let place: HashMap<LessonId, usize> = structure.lessons.iter().enumerate().map(|(n, l)| (l.id, n)).collect();
        let at = |lesson: LessonId| place.get(&lesson).copied().unwrap_or(usize::MAX);
        let mut topics: Vec<_> = content.topics.iter().collect();
        topics.sort_by_key(|t| (at(t.lesson_id), t.order_index));
        let mut quizzes: Vec<_> = structure.quizzes.iter().collect();
        quizzes.sort_by_key(|q| (at(q.lesson_id), q.order_index));
        let quiz_place: HashMap<QuizId, usize> = quizzes.iter().enumerate().map(|(n, q)| (q.id, n)).collect();
        let mut questions: Vec<_> = content.questions.iter().collect();
        questions.sort_by_key(|q| (quiz_place.get(&q.quiz_id).copied().unwrap_or(usize::MAX), q.order_index));
        let mut assignments: Vec<_> = structure.assignments.iter().collect();
        assignments.sort_by_key(|a| (at(a.lesson_id), a.order_index));
        Self {
            course: (structure.course.id, structure.course.ai_log_id),
            lessons: structure.lessons.iter().map(|l| (l.id, l.ai_log_id)).collect(),
            topics: topics.into_iter().map(|t| (t.id, t.ai_log_id)).collect(),
            quizzes: quizzes.into_iter().map(|q| (q.id, q.ai_log_id)).collect(),
            questions: questions.into_iter().map(|q| (q.id, q.ai_log_id)).collect(),
            assignments: assignments.into_iter().map(|a| (a.id, a.ai_log_id)).collect(),
        }
    }

    /// Writes into each new row which one it was copied from, and into the course the template that its
    /// certificates are printed by: a portable document names none, since it may be read in another place.
    pub(crate) fn mark(self, batch: &mut WriteBatch, mut course: Course, template: Option<TemplateId>) -> Course {
        let mut lessons = self.lessons.into_iter();
        let mut topics = self.topics.into_iter();
        let mut quizzes = self.quizzes.into_iter();
        let mut questions = self.questions.into_iter();
        let mut assignments = self.assignments.into_iter();
        course.certificate_template_id = template;
        macro_rules! from {
            ($row:expr, $source:expr) => {
                if let Some((id, log)) = $source {
                    ($row.copied_from, $row.ai_log_id) = (Some(id), log);
                }
            };
        }
        for change in &mut batch.changes {
            let Change::Insert(row) = change else { continue };
            match row {
                Row::Course(row) => {
                    row.certificate_template_id = template;
                    from!(row, Some(self.course));
                }
                Row::Lesson(row) => from!(row, lessons.next()),
                Row::Topic(row) => from!(row, topics.next()),
                Row::Quiz(row) => from!(row, quizzes.next()),
                Row::QuizQuestion(row) => from!(row, questions.next()),
                Row::Assignment(row) => from!(row, assignments.next()),
                _ => {}
            }
        }
        from!(course, Some(self.course));
        course
    }
}
