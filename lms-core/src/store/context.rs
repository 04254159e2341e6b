//! What a command loads before it decides: rows, and nothing derived from them (DETAILS 21).

use uuid::Uuid;

use crate::model::table::{Json, record};
use crate::model::*;

/// A person and who asks (E1).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersonContext {
    /// Who asks, if a user does.
    pub actor: Option<User>,
    /// The person.
    pub subject: Option<User>,
}

/// A course, who asks, and one person in it.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseContext {
    /// Who asks, if a user does.
    pub actor: Option<User>,
    /// The actor's place in the course's staff.
    pub staff: Option<CourseStaff>,
    /// The course.
    pub course: Course,
    /// The person, where one was named.
    pub subject: Option<User>,
    /// The person's place in the course's staff.
    pub subject_staff: Option<CourseStaff>,
    /// The person's enrollment.
    pub enrollment: Option<Enrollment>,
    /// The unfinished job of the course, if there is one.
    pub job: Option<CourseJob>,
    /// How many published lessons it has.
    pub published_lessons: i64,
    /// How many certificates it has issued.
    pub certificates: i64,
    /// How many active enrollments it has.
    pub active_enrollments: i64,
}

/// A course that people may join by themselves, with what its page says beside it (E6).
#[derive(Debug, Clone, PartialEq)]
pub struct CourseOffer {
    /// The course.
    pub course: Course,
    /// The owner's name; empty where they were erased.
    pub instructor_name: String,
    /// How many published lessons it has.
    pub published_lessons: i64,
    /// The reader's enrollment, whatever its status.
    pub enrollment: Option<Enrollment>,
}

/// Which content a [`ContentContext`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRef {
    /// A course; siblings are its lessons.
    Course(CourseId),
    /// The objectives of a course; siblings are they.
    Objectives(CourseId),
    /// A lesson; siblings are the course's lessons.
    Lesson(LessonId),
    /// The topics of a lesson; siblings are they.
    LessonTopics(LessonId),
    /// The quizzes of a lesson; siblings are they.
    LessonQuizzes(LessonId),
    /// The assignments of a lesson; siblings are they.
    LessonAssignments(LessonId),
    /// A topic; siblings are the lesson's topics.
    Topic(TopicId),
    /// A quiz; siblings are the lesson's quizzes.
    Quiz(QuizId),
    /// The questions of a quiz; siblings are they.
    QuizQuestions(QuizId),
    /// A question; siblings are the quiz's questions.
    Question(QuestionId),
    /// An assignment; siblings are the lesson's assignments.
    Assignment(AssignmentId),
}

/// A piece of content, all that stands above it, and its siblings.
#[derive(Debug, Clone, PartialEq)]
pub struct ContentContext {
    /// Who asks, if a user does.
    pub actor: Option<User>,
    /// The actor's place in the course's staff.
    pub staff: Option<CourseStaff>,
    /// The course.
    pub course: Course,
    /// The lesson, where the content is one or hangs under one.
    pub lesson: Option<Lesson>,
    /// The topic, where the content is one.
    pub topic: Option<Topic>,
    /// The quiz, where the content is one or hangs under one.
    pub quiz: Option<Quiz>,
    /// The question, where the content is one.
    pub question: Option<QuizQuestion>,
    /// The assignment, where the content is one.
    pub assignment: Option<Assignment>,
    /// The siblings' ids in order; see [`ContentRef`].
    pub siblings: Vec<uuid::Uuid>,
    /// The questions of the quiz, in order; filled where the content is a quiz or a question.
    pub questions: Vec<QuizQuestion>,
    /// How many topics the lesson has.
    pub topics: i64,
    /// The lesson's quizzes; filled where there is a lesson.
    pub quizzes: Vec<Quiz>,
    /// The lesson's assignments; filled where there is a lesson.
    pub assignments: Vec<Assignment>,
    /// The course's objectives, in order.
    pub objectives: Vec<Objective>,
    /// How many published lessons the course has.
    pub published_lessons: i64,
    /// Whether any learner has a row under the content (a progress, an attempt, a submission, a
    /// waiver or an override): where none has, no enrollment's counters can change with it.
    pub has_learner_rows: bool,
}

/// Which piece of one learner's work a [`LearnerContext`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LearnerScope {
    /// A learner in a course.
    Course(CourseId, UserId),
    /// A learner in a lesson.
    Lesson(LessonId, UserId),
    /// A learner at a topic.
    Topic(TopicId, UserId),
    /// A learner at a quiz.
    Quiz(QuizId, UserId),
    /// One attempt.
    Attempt(AttemptId),
    /// A learner at an assignment.
    Assignment(AssignmentId, UserId),
    /// One version of a submission.
    Submission(SubmissionId),
}

record! {
    /// The part of an attempt that other attempts' decisions need.
    pub struct AttemptHead in "quiz_attempts" {
        /// The id.
        pub id: AttemptId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// 1 for the first.
        pub attempt_no: i64,
        /// Where it stands.
        pub state: AttemptState,
        /// Points earned.
        pub score: Option<Points>,
        /// Points possible.
        pub possible: Option<Points>,
        /// When it was started.
        pub started_at: Timestamp,
        /// When its time is up.
        pub deadline: Option<Timestamp>,
        /// When it was handed in.
        pub completed_at: Option<Timestamp>,
        /// How it ended.
        pub finish_reason: Option<FinishReason>,
        /// Answers that wait for the AI grader.
        pub ai_pending: i64,
        /// Answers with an AI suggestion that waits for a person.
        pub ai_suggested: i64,
    }
}

impl AttemptHead {
    /// The graded score; `None` until graded.
    pub fn graded_score(&self) -> Option<Score> {
        Some(Score { earned: self.score?, possible: self.possible? })
    }

    /// The score as far as it counts: of a graded attempt that is not voided (A9).
    pub fn counted_score(&self) -> Option<Score> {
        self.graded_score().filter(|_| self.state == AttemptState::Graded)
    }
}

record! {
    /// A person in a course, as lists of them show it.
    pub struct Member in "members" {
        /// The enrollment.
        pub id: EnrollmentId,
        /// The course.
        pub course_id: CourseId,
        /// The person.
        pub student_id: UserId,
        /// Their name.
        pub display_name: String,
        /// When they last did something in the course (M3).
        pub last_activity: Option<Timestamp>,
    }
}

record! {
    /// How many active learners have opened a lesson (G7): a row of a query, of no table.
    pub struct LessonCounts in "lesson_counts" {
        /// The lesson.
        pub lesson_id: LessonId,
        /// Those who have not completed it.
        pub in_progress: i64,
        /// Those who have.
        pub completed: i64,
    }
}

record! {
    /// What a person is called.
    pub struct PersonName in "users" {
        /// The person.
        pub id: UserId,
        /// Their name; blank once they were erased.
        pub display_name: String,
    }
}

record! {
    /// Whose work an attempt or a submission is, and at what: a row of a query, of no table.
    pub struct WorkName in "work_names" {
        /// The attempt or the submission.
        pub id: Uuid,
        /// The learner.
        pub student_id: UserId,
        /// Their name.
        pub display_name: String,
        /// The quiz or the assignment.
        pub item_id: Uuid,
        /// Its title.
        pub title: String,
    }
}

/// All work of one enrollment, whole, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersonWork {
    /// Attempts.
    pub attempts: Vec<QuizAttempt>,
    /// Versions of submissions, drafts too.
    pub submissions: Vec<Submission>,
    /// Requests for a review.
    pub reviews: Vec<ReviewRequest>,
}

/// A version that was handed in, whole, with the history of its grade.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRecord {
    /// The version.
    pub submission: Submission,
    /// Its history, by seq.
    pub history: Vec<GradeEntry>,
}

record! {
    /// The part of a submission that other decisions need: no text.
    pub struct SubmissionHead in "submissions" {
        /// The id.
        pub id: SubmissionId,
        /// The assignment.
        pub assignment_id: AssignmentId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The learner.
        pub student_id: UserId,
        /// 1 for the first.
        pub version_no: i64,
        /// Where it stands.
        pub state: SubmissionState,
        /// When it was handed in.
        pub submitted_at: Option<Timestamp>,
        /// Seconds late.
        pub late_seconds: i64,
        /// The current grade.
        pub grade: Option<Points>,
        /// What kind of grader made it.
        pub grader_kind: Option<GraderKind>,
        /// When it was graded.
        pub graded_at: Option<Timestamp>,
        /// When the learner may see it.
        pub posted_at: Option<Timestamp>,
        /// Where AI grading stands.
        pub ai_status: AiGradingState,
        /// Why AI gave no grade, as a code; absent where it gave one or was not asked.
        pub ai_code: Option<String>,
        /// The AI suggestion that waits for a person.
        pub suggested_seq: Option<i64>,
    }
}

record! {
    /// What a grader wrote on a version.
    pub struct SubmissionFeedback in "submissions" {
        /// The version.
        pub id: SubmissionId,
        /// The words.
        pub feedback: Option<String>,
    }
}

record! {
    /// An entry of an answer's history, as far as it says who graded.
    pub struct AnswerEntry in "grade_history" {
        /// The attempt.
        pub subject_id: Uuid,
        /// The question.
        pub question_id: Uuid,
        /// Its number in the answer's history.
        pub seq: i64,
        /// Why it was written.
        pub cause: GradeCause,
        /// Who made the mark.
        pub grader_kind: GraderKind,
    }
}

record! {
    /// The part of an attempt that the marks of its answers stand in: nothing that the learner wrote.
    pub struct AttemptMarks in "quiz_attempts" {
        /// The id.
        pub id: AttemptId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// 1 for the first.
        pub attempt_no: i64,
        /// Where it stands.
        pub state: AttemptState,
        /// How each answer is graded; see [`GradedAnswers`].
        pub graded: Option<Json>,
    }
}

/// An attempt of which AI marked an answer, with the histories of all its answers.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkedAttempt {
    /// The attempt.
    pub attempt: AttemptMarks,
    /// The histories, by question and seq.
    pub history: Vec<GradeEntry>,
}

impl MarkedAttempt {
    /// Each attempt with the entries that are of it; both come in their own order.
    pub fn each(attempts: Vec<AttemptMarks>, mut history: Vec<GradeEntry>) -> Vec<Self> {
        attempts
            .into_iter()
            .map(|attempt| {
                let own = history.extract_if(.., |entry| entry.subject_id == attempt.id.uuid()).collect();
                Self { attempt, history: own }
            })
            .collect()
    }
}

record! {
    /// What an assignment is worth.
    pub struct AssignmentWorth in "assignments" {
        /// The assignment.
        pub id: AssignmentId,
        /// Its maximum.
        pub max_grade: Points,
    }
}

/// Attempts and submissions of whatever courses, as they stand, with what the submissions are worth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoredWork {
    /// The attempts.
    pub attempts: Vec<AttemptHead>,
    /// The submissions.
    pub submissions: Vec<SubmissionHead>,
    /// Their assignments, each once.
    pub assignments: Vec<AssignmentWorth>,
}

/// One lesson and all that one learner has in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonWork {
    /// The lesson.
    pub lesson: Lesson,
    /// The learner's progress; `None` = not started.
    pub progress: Option<LessonProgress>,
    /// How many topics it has.
    pub topics: i64,
    /// How many of them the learner has viewed.
    pub topics_viewed: i64,
    /// Its quizzes.
    pub quizzes: Vec<Quiz>,
    /// The learner's results at them.
    pub results: Vec<QuizResult>,
    /// Its assignments.
    pub assignments: Vec<Assignment>,
    /// The learner's versions for them.
    pub submissions: Vec<SubmissionHead>,
    /// What was waived for the learner: the lesson or items of it.
    pub waivers: Vec<Waiver>,
    /// What was granted to the learner: for the lesson or items of it.
    pub overrides: Vec<Override>,
}

/// Everything that a command on one learner's work decides by.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnerContext {
    /// Who asks, if a user does.
    pub actor: Option<User>,
    /// The actor's place in the course's staff.
    pub staff: Option<CourseStaff>,
    /// The course.
    pub course: Course,
    /// The learner.
    pub student: Option<User>,
    /// The learner's enrollment.
    pub enrollment: Option<Enrollment>,
    /// The unfinished job of the course, if there is one.
    pub job: Option<CourseJob>,
    /// The lesson of the piece of work; `None` for [`LearnerScope::Course`].
    pub work: Option<LessonWork>,
    /// The first earlier required published lesson that is neither completed nor waived.
    pub earlier_unfinished: Option<LessonId>,
    /// The published required lessons that the lesson requires and that are neither completed nor waived.
    pub unmet_requires: Vec<LessonId>,
    /// The topic, for [`LearnerScope::Topic`].
    pub topic: Option<Topic>,
    /// The learner's view of the topic.
    pub topic_view: Option<TopicView>,
    /// The quiz, for [`LearnerScope::Quiz`] and [`LearnerScope::Attempt`].
    pub quiz: Option<Quiz>,
    /// The attempt: the one named, or the learner's open one at the quiz.
    pub attempt: Option<QuizAttempt>,
    /// All of the learner's attempts at the quiz, by number.
    pub attempts: Vec<AttemptHead>,
    /// The assignment, for [`LearnerScope::Assignment`] and [`LearnerScope::Submission`].
    pub assignment: Option<Assignment>,
    /// The version: the one named, or the learner's latest for the assignment.
    pub submission: Option<Submission>,
    /// The grade history of the version, or of the attempt's answers, by seq.
    pub history: Vec<GradeEntry>,
}

/// Everything that the structure of a course consists of, in order (O1).
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CourseStructure {
    /// The course.
    pub course: Course,
    /// Its objectives.
    pub objectives: Vec<Objective>,
    /// Its lessons.
    pub lessons: Vec<Lesson>,
    /// Which lesson requires which.
    pub requires: Vec<LessonRequirement>,
    /// The topics of its lessons, without their bodies.
    pub topics: Vec<TopicHead>,
    /// The quizzes of its lessons.
    pub quizzes: Vec<Quiz>,
    /// The assignments of its lessons.
    pub assignments: Vec<Assignment>,
}

/// Everything that a course's content consists of: its structure, the bodies of its topics, its
/// questions with their keys, and which objective is linked to what.
#[derive(Debug, Clone, PartialEq)]
pub struct CourseContent {
    /// The course, its objectives, lessons, quizzes and assignments.
    pub structure: CourseStructure,
    /// The topics with their bodies, by lesson and place.
    pub topics: Vec<Topic>,
    /// The questions, by lesson, quiz and place.
    pub questions: Vec<QuizQuestion>,
    /// The objectives linked to lessons, questions and assignments: (objective, item).
    pub links: Vec<(ObjectiveId, uuid::Uuid)>,
}

record! {
    /// A topic without its body.
    pub struct TopicHead in "topics" {
        /// The id.
        pub id: TopicId,
        /// The lesson.
        pub lesson_id: LessonId,
        /// The title.
        pub title: String,
        /// What it is.
        pub content_type: ContentType,
        /// Its place.
        pub order_index: i64,
        /// Whether AI made it.
        pub is_ai_generated: bool,
    }
}

/// Everything that one learner has in one course, without texts.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnerRecord {
    /// The enrollment.
    pub enrollment: Enrollment,
    /// Progress per lesson.
    pub progress: Vec<LessonProgress>,
    /// Views per topic.
    pub views: Vec<TopicView>,
    /// Kept scores per quiz.
    pub results: Vec<QuizResult>,
    /// Attempts.
    pub attempts: Vec<AttemptHead>,
    /// Versions of submissions.
    pub submissions: Vec<SubmissionHead>,
    /// What was waived.
    pub waivers: Vec<Waiver>,
    /// What was granted.
    pub overrides: Vec<Override>,
    /// The certificate.
    pub certificate: Option<Certificate>,
}

/// All that a learner's first screen is made of, in one snapshot (G2).
#[derive(Debug, Clone, PartialEq)]
pub struct HomeRecord {
    /// The courses of their active enrollments, by enrollment id.
    pub courses: Vec<(CourseStructure, LearnerRecord)>,
    /// The grade histories of their answers, of each attempt with an entry since an instant: by attempt,
    /// question and seq.
    pub marks: Vec<GradeEntry>,
    /// Their requests for a review that were answered since that instant, by id.
    pub reviews: Vec<ReviewRequest>,
    /// All their certificates, by when they were issued.
    pub certificates: Vec<Certificate>,
}

/// What the certificate of a completion says beyond what every load has (DETAILS 21).
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateFacts {
    /// The learner's name now.
    pub student_name: String,
    /// The owner's name now.
    pub instructor_name: String,
    /// The certificate that exists, if one does.
    pub certificate: Option<Certificate>,
    /// Earned and possible points of each graded item that counts in the course score (M7), with
    /// its weight: quizzes by kept score, assignments by current grade.
    pub scores: Vec<WeightedScore>,
}

/// One item of a course score (M7).
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedScore {
    /// The quiz or the assignment.
    pub item: uuid::Uuid,
    /// Earned and possible.
    pub score: Score,
    /// What was earned as far as the learner has been told: for a quiz as it stands, for an assignment the latest
    /// grade that is posted, or none (S14).
    pub shown: Option<Points>,
    /// How much it weighs.
    pub weight: i64,
}
