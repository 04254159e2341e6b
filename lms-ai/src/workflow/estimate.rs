//! What a workflow would reserve, without any call.

use lms_core::lms::Session;
use lms_core::model::{AttemptId, CourseId, LessonId, QuestionId, SubmissionId, TemplateId, TopicId};

use super::author::{AssignmentBrief, CourseBrief, QuizBrief, course_input};
use super::bodies::{BodiesBrief, is_open};
use crate::task::{
    AssignmentTask, BodyTask, CertificateTask, GradeIn, GradeTask, OutlineTask, QuestionOut, QuizOut, QuizTask,
    SolveIn, SolveTask,
};
use crate::{Ai, AiError, Estimate};

/// What may be estimated.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Job<'a> {
    /// [`Ai::propose_course`].
    Course(&'a CourseBrief),
    /// [`Ai::propose_body`], with the topic's part of a source.
    Body(TopicId, Option<&'a str>),
    /// [`Ai::write_bodies`] without a source: all topics that are still open.
    Bodies(CourseId, BodiesBrief),
    /// [`Ai::propose_quiz`].
    Quiz(LessonId, &'a QuizBrief),
    /// [`Ai::propose_assignment`].
    Assignment(LessonId, &'a AssignmentBrief),
    /// [`Ai::propose_certificate`].
    Certificate(CourseId, TemplateId),
    /// [`Ai::grade_submission`].
    Grade(SubmissionId),
    /// [`Ai::grade_answer`].
    Answer(AttemptId, QuestionId),
}

impl Ai {
    /// What the calls of a job would reserve at the most: tokens and millionths of a US dollar, each call
    /// once. Nothing is called and nothing is written.
    ///
    /// # Errors
    /// As the job itself, before its first call: NoText, NotFound.
    pub async fn estimate(&self, session: &Session, job: Job<'_>) -> Result<Estimate, AiError> {
        Ok(match job {
            Job::Course(brief) => self.estimate_call::<OutlineTask>(&course_input(brief)),
            Job::Body(topic, source) => self.estimate_body(session, topic, source).await?,
            Job::Bodies(course, brief) => {
                let mut sum = Estimate::default();
                for (_, topic) in self.topics(session, course, brief).await?.into_iter().filter(|(_, t)| is_open(t)) {
                    sum = sum + self.estimate_body(session, topic.id, None).await?;
                }
                sum
            }
            Job::Quiz(lesson, brief) => {
                let input = self.quiz_input(session, lesson, brief).await?;
                let mut sum = self.estimate_call::<QuizTask>(&input);
                if brief.check_blind {
                    // The questions are not there yet: as long as their bounds allow stands for them.
                    let empty = QuizOut {
                        title: String::new(),
                        description: String::new(),
                        questions: Vec::<QuestionOut>::new(),
                    };
                    let mut blind = SolveIn::blind(&empty, &input.lesson_markdown, &input.language);
                    let most = input.bounds.max_stem + input.bounds.max_options * input.bounds.max_option;
                    blind.lesson_markdown.push_str(&" ".repeat(most.saturating_mul(input.count)));
                    sum = sum + self.estimate_call::<SolveTask>(&blind);
                }
                sum
            }
            Job::Assignment(lesson, brief) => {
                self.estimate_call::<AssignmentTask>(&self.assignment_input(session, lesson, brief).await?)
            }
            Job::Certificate(course, template) => {
                self.estimate_call::<CertificateTask>(&self.certificate_input(session, course, template).await?)
            }
            Job::Grade(id) => {
                // Who may not grade it hears so here.
                session.assignments().grading(id).await?;
                self.estimate_grade(&self.grade_input(id).await?.1)
            }
            Job::Answer(attempt, question) => {
                session.quizzes().essays(attempt).await?;
                self.estimate_grade(&self.answer_input(attempt, question).await?.2)
            }
        })
    }

    /// Of each answer that is wanted.
    fn estimate_grade(&self, input: &GradeIn) -> Estimate {
        let one = self.estimate_call::<GradeTask>(input);
        (1..self.samples()).fold(one, |sum, _| sum + one)
    }

    async fn estimate_body(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
    ) -> Result<Estimate, AiError> {
        Ok(self.estimate_call::<BodyTask>(&self.body_input(session, topic, source, "", None).await?))
    }
}
