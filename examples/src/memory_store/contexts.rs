//! The views that commands decide by, put together from rows.

use lms_core::model::*;
use lms_core::store::*;
use uuid::Uuid;

use super::tables::{Tables, head};

fn head_of<R: lms_core::model::table::Record, S: Stored>(rows: Vec<S>) -> Vec<R> {
    rows.into_iter().filter_map(head).collect()
}

impl Tables {
    pub(super) fn user(&self, id: Option<UserId>) -> Option<User> {
        self.get(id?).cloned()
    }

    pub(super) fn staff_of(&self, course: CourseId, user: Option<UserId>) -> Option<CourseStaff> {
        self.one(|s: &CourseStaff| s.course_id == course && Some(s.user_id) == user)
    }

    pub(super) fn enrollment_of(&self, course: CourseId, student: UserId) -> Option<Enrollment> {
        self.one(|e: &Enrollment| e.course_id == course && e.student_id == student)
    }

    pub(super) fn certificate_of(&self, course: CourseId, student: UserId) -> Option<Certificate> {
        self.one(|c: &Certificate| c.course_id == course && c.student_id == student)
    }

    fn open_job(&self, course: CourseId) -> Option<CourseJob> {
        self.sorted(|j: &CourseJob| j.course_id == course && j.done_at.is_none(), |j| j.at).into_iter().next()
    }

    pub(super) fn lessons(&self, course: CourseId) -> Vec<Lesson> {
        self.sorted(|l: &Lesson| l.course_id == course, |l| l.order_index)
    }
    pub(super) fn topics_of(&self, lesson: LessonId) -> Vec<Topic> {
        self.sorted(|t: &Topic| t.lesson_id == lesson, |t| t.order_index)
    }
    fn quizzes(&self, lesson: LessonId) -> Vec<Quiz> {
        self.sorted(|q: &Quiz| q.lesson_id == lesson, |q| q.order_index)
    }
    fn assignments(&self, lesson: LessonId) -> Vec<Assignment> {
        self.sorted(|a: &Assignment| a.lesson_id == lesson, |a| a.order_index)
    }
    pub(super) fn questions_of(&self, quiz: QuizId) -> Vec<QuizQuestion> {
        self.sorted(|q: &QuizQuestion| q.quiz_id == quiz, |q| q.order_index)
    }
    fn objectives(&self, course: CourseId) -> Vec<Objective> {
        self.sorted(|o: &Objective| o.course_id == course, |o| o.order_index)
    }

    pub(super) fn course(&self, actor: Option<UserId>, id: CourseId, person: Option<UserId>) -> Option<CourseContext> {
        let course: Course = self.get(id).cloned()?;
        Some(CourseContext {
            actor: self.user(actor),
            staff: self.staff_of(id, actor),
            subject: self.user(person),
            subject_staff: self.staff_of(id, person),
            enrollment: person.and_then(|person| self.enrollment_of(id, person)),
            job: self.open_job(id),
            published_lessons: self.count(|l: &Lesson| l.course_id == id && l.is_published),
            certificates: self.count(|c: &Certificate| c.course_id == id),
            active_enrollments: self.count(|e: &Enrollment| e.course_id == id && e.status == EnrollmentStatus::Active),
            course,
        })
    }

    pub(super) fn structure(&self, course: CourseId) -> Option<CourseStructure> {
        let row = self.get::<Course>(course)?.clone();
        let lessons = self.lessons(course);
        let under = |lesson: LessonId| lessons.iter().position(|l| l.id == lesson);
        Some(CourseStructure {
            course: row,
            objectives: self.objectives(course),
            requires: self.many(|r: &LessonRequirement| under(r.lesson_id).is_some()),
            topics: head_of(
                self.sorted(|t: &Topic| under(t.lesson_id).is_some(), |t| (under(t.lesson_id), t.order_index)),
            ),
            quizzes: self.sorted(|q: &Quiz| under(q.lesson_id).is_some(), |q| (under(q.lesson_id), q.order_index)),
            assignments: self
                .sorted(|a: &Assignment| under(a.lesson_id).is_some(), |a| (under(a.lesson_id), a.order_index)),
            lessons,
        })
    }

    pub(super) fn course_content(&self, course: CourseId) -> Option<CourseContent> {
        let structure = self.structure(course)?;
        let topic = |id: TopicId| structure.topics.iter().position(|t| t.id == id);
        let quiz = |id: QuizId| structure.quizzes.iter().position(|q| q.id == id);
        Some(CourseContent {
            topics: self.sorted(|t: &Topic| topic(t.id).is_some(), |t| topic(t.id)),
            questions: self.sorted(|q: &QuizQuestion| quiz(q.quiz_id).is_some(), |q| (quiz(q.quiz_id), q.order_index)),
            links: self.links(course),
            structure,
        })
    }

    pub(super) fn links(&self, course: CourseId) -> Vec<(ObjectiveId, Uuid)> {
        let own = |(objective, _): &(ObjectiveId, Uuid)| {
            self.get::<Objective>(*objective).is_some_and(|o| o.course_id == course)
        };
        let lessons = self.all::<ObjectiveLesson>().map(|l| (l.objective_id, l.lesson_id.uuid()));
        let questions = self.all::<ObjectiveQuestion>().map(|l| (l.objective_id, l.question_id.uuid()));
        let assignments = self.all::<ObjectiveAssignment>().map(|l| (l.objective_id, l.assignment_id.uuid()));
        lessons.chain(questions).chain(assignments).filter(own).collect()
    }

    pub(super) fn content(&self, actor: Option<UserId>, at: ContentRef) -> Option<ContentContext> {
        let (mut topic, mut quiz, mut question, mut assignment) = (None, None, None, None);
        let of_quiz = |id: QuizId| self.get::<Quiz>(id).cloned();
        let lesson = match at {
            ContentRef::Course(_) | ContentRef::Objectives(_) => None,
            ContentRef::Lesson(id)
            | ContentRef::LessonTopics(id)
            | ContentRef::LessonQuizzes(id)
            | ContentRef::LessonAssignments(id) => Some(id),
            ContentRef::Topic(id) => {
                topic = self.get::<Topic>(id).cloned();
                Some(topic.as_ref()?.lesson_id)
            }
            ContentRef::Quiz(id) | ContentRef::QuizQuestions(id) => {
                quiz = of_quiz(id);
                Some(quiz.as_ref()?.lesson_id)
            }
            ContentRef::Question(id) => {
                question = self.get::<QuizQuestion>(id).cloned();
                quiz = of_quiz(question.as_ref()?.quiz_id);
                Some(quiz.as_ref()?.lesson_id)
            }
            ContentRef::Assignment(id) => {
                assignment = self.get::<Assignment>(id).cloned();
                Some(assignment.as_ref()?.lesson_id)
            }
        };
        let lesson = match lesson {
            Some(id) => Some(self.get::<Lesson>(id).cloned()?),
            None => None,
        };
        let course_id = match (&lesson, at) {
            (Some(lesson), _) => lesson.course_id,
            (None, ContentRef::Course(id) | ContentRef::Objectives(id)) => id,
            (None, _) => return None,
        };
        let of_lesson = lesson.as_ref().map(|l| l.id);
        let quizzes = of_lesson.map(|id| self.quizzes(id)).unwrap_or_default();
        let assignments = of_lesson.map(|id| self.assignments(id)).unwrap_or_default();
        let questions = quiz.as_ref().map(|q| self.questions_of(q.id)).unwrap_or_default();
        let objectives = self.objectives(course_id);
        let siblings = match at {
            ContentRef::Course(_) | ContentRef::Lesson(_) => ids(&self.lessons(course_id), |l| l.id.uuid()),
            ContentRef::Objectives(_) => ids(&objectives, |o| o.id.uuid()),
            ContentRef::LessonTopics(id) => ids(&self.topics_of(id), |t| t.id.uuid()),
            ContentRef::Topic(_) => ids(&of_lesson.map(|id| self.topics_of(id)).unwrap_or_default(), |t| t.id.uuid()),
            ContentRef::LessonQuizzes(_) | ContentRef::Quiz(_) => ids(&quizzes, |q| q.id.uuid()),
            ContentRef::LessonAssignments(_) | ContentRef::Assignment(_) => ids(&assignments, |a| a.id.uuid()),
            ContentRef::QuizQuestions(_) | ContentRef::Question(_) => ids(&questions, |q| q.id.uuid()),
        };
        let has_learner_rows = match at {
            ContentRef::Lesson(id) => {
                self.all::<LessonProgress>().any(|p| p.lesson_id == id)
                    || self.all::<Waiver>().any(|w| w.lesson_id == Some(id))
                    || quizzes.iter().any(|q| self.quiz_has_rows(q.id))
                    || assignments.iter().any(|a| self.assignment_has_rows(a.id))
            }
            ContentRef::Quiz(id) => self.quiz_has_rows(id),
            ContentRef::Assignment(id) => self.assignment_has_rows(id),
            _ => false,
        };
        Some(ContentContext {
            actor: self.user(actor),
            staff: self.staff_of(course_id, actor),
            course: self.get::<Course>(course_id).cloned()?,
            topics: self.count(|t: &Topic| Some(t.lesson_id) == of_lesson),
            published_lessons: self.count(|l: &Lesson| l.course_id == course_id && l.is_published),
            lesson,
            topic,
            quiz,
            question,
            assignment,
            siblings,
            questions,
            quizzes,
            assignments,
            objectives,
            has_learner_rows,
        })
    }

    fn quiz_has_rows(&self, quiz: QuizId) -> bool {
        self.all::<QuizAttempt>().any(|a| a.quiz_id == quiz)
            || self.all::<QuizResult>().any(|r| r.quiz_id == quiz)
            || self.all::<Waiver>().any(|w| w.quiz_id == Some(quiz))
            || self.all::<Override>().any(|o| o.quiz_id == Some(quiz))
    }

    fn assignment_has_rows(&self, assignment: AssignmentId) -> bool {
        self.all::<Submission>().any(|s| s.assignment_id == assignment)
            || self.all::<Waiver>().any(|w| w.assignment_id == Some(assignment))
            || self.all::<Override>().any(|o| o.assignment_id == Some(assignment))
    }

    /// All that one enrollment has.
    pub(super) fn record_of(&self, enrollment: Enrollment) -> LearnerRecord {
        let id = enrollment.id;
        LearnerRecord {
            progress: self.many(|p: &LessonProgress| p.enrollment_id == id),
            views: self.many(|v: &TopicView| v.enrollment_id == id),
            results: self.many(|r: &QuizResult| r.enrollment_id == id),
            attempts: head_of(self.sorted(|a: &QuizAttempt| a.enrollment_id == id, |a| (a.quiz_id, a.attempt_no))),
            submissions: head_of(
                self.sorted(|s: &Submission| s.enrollment_id == id, |s| (s.assignment_id, s.version_no)),
            ),
            waivers: self.many(|w: &Waiver| w.enrollment_id == id),
            overrides: self.many(|o: &Override| o.enrollment_id == id),
            certificate: self.certificate_of(enrollment.course_id, enrollment.student_id),
            enrollment,
        }
    }

    pub(super) fn home(&self, student: UserId, since: Timestamp) -> HomeRecord {
        let active = |e: &Enrollment| e.student_id == student && e.status == EnrollmentStatus::Active;
        let answers = |g: &GradeEntry| g.student_id == student && g.subject_type == GradeSubject::Answer;
        let fresh: Vec<Uuid> =
            self.all::<GradeEntry>().filter(|g| answers(g) && g.at >= since).map(|g| g.subject_id).collect();
        let courses = self.many(active).into_iter();
        HomeRecord {
            courses: courses
                .filter_map(|enrollment| Some((self.structure(enrollment.course_id)?, self.record_of(enrollment))))
                .collect(),
            marks: self.sorted(
                |g: &GradeEntry| answers(g) && fresh.contains(&g.subject_id),
                |g| (g.subject_id, g.question_id, g.seq),
            ),
            reviews: self
                .many(|r: &ReviewRequest| r.student_id == student && r.answered_at.is_some_and(|at| at >= since)),
            certificates: self.sorted(|c: &Certificate| c.student_id == student, |c| (c.issued_at, c.id)),
        }
    }

    pub(super) fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Option<LearnerContext> {
        let (mut topic, mut quiz, mut attempt, mut assignment, mut submission) = (None, None, None, None, None);
        let (lesson, student) = match scope {
            LearnerScope::Course(_, student) => (None, student),
            LearnerScope::Lesson(id, student) => (Some(id), student),
            LearnerScope::Topic(id, student) => {
                topic = self.get::<Topic>(id).cloned();
                (Some(topic.as_ref()?.lesson_id), student)
            }
            LearnerScope::Quiz(id, student) => {
                quiz = self.get::<Quiz>(id).cloned();
                let open =
                    |a: &QuizAttempt| a.quiz_id == id && a.student_id == student && a.state == AttemptState::InProgress;
                attempt = self.one(open);
                (Some(quiz.as_ref()?.lesson_id), student)
            }
            LearnerScope::Attempt(id) => {
                attempt = self.get::<QuizAttempt>(id).cloned();
                let named = attempt.as_ref()?;
                quiz = self.get::<Quiz>(named.quiz_id).cloned();
                (Some(quiz.as_ref()?.lesson_id), named.student_id)
            }
            LearnerScope::Assignment(id, student) => {
                assignment = self.get::<Assignment>(id).cloned();
                let own = |s: &Submission| s.assignment_id == id && s.student_id == student;
                submission = self.sorted(own, |s| s.version_no).pop();
                (Some(assignment.as_ref()?.lesson_id), student)
            }
            LearnerScope::Submission(id) => {
                submission = self.get::<Submission>(id).cloned();
                let named = submission.as_ref()?;
                assignment = self.get::<Assignment>(named.assignment_id).cloned();
                (Some(assignment.as_ref()?.lesson_id), named.student_id)
            }
        };
        let lesson = match lesson {
            Some(id) => Some(self.get::<Lesson>(id).cloned()?),
            None => None,
        };
        let course_id = match (&lesson, scope) {
            (Some(lesson), _) => lesson.course_id,
            (None, LearnerScope::Course(id, _)) => id,
            (None, _) => return None,
        };
        let course = self.get::<Course>(course_id).cloned()?;
        let unmet = |l: &Lesson| l.is_published && l.is_required && !self.lesson_done(l.id, student);
        let lessons = self.lessons(course_id);
        let earlier = |l: &&Lesson| lesson.as_ref().is_some_and(|own| l.order_index < own.order_index) && unmet(l);
        let required = |l: &Lesson| {
            lesson
                .as_ref()
                .is_some_and(|own| self.row(Table::LessonRequirement, (own.id.uuid(), l.id.uuid())).is_some())
        };
        let subject = match (scope, &attempt, &submission) {
            (LearnerScope::Attempt(id), ..) => Some((GradeSubject::Answer, id.uuid())),
            (_, _, Some(submission)) => Some((GradeSubject::Submission, submission.id.uuid())),
            _ => None,
        };
        let history = |(kind, id): (GradeSubject, Uuid)| {
            self.sorted(|g: &GradeEntry| g.subject_type == kind && g.subject_id == id, |g| g.seq)
        };
        let enrollment = self.enrollment_of(course_id, student);
        Some(LearnerContext {
            actor: self.user(actor),
            staff: self.staff_of(course_id, actor),
            student: self.user(Some(student)),
            job: self.open_job(course_id),
            earlier_unfinished: lessons.iter().find(|l| course.flow == Flow::Sequential && earlier(l)).map(|l| l.id),
            unmet_requires: lessons.iter().filter(|l| required(l) && unmet(l)).map(|l| l.id).collect(),
            topic_view: topic
                .as_ref()
                .and_then(|topic| self.one(|v: &TopicView| v.topic_id == topic.id && v.student_id == student)),
            attempts: quiz
                .as_ref()
                .map(|q| self.sorted(|a: &QuizAttempt| a.quiz_id == q.id && a.student_id == student, |a| a.attempt_no))
                .map(head_of)
                .unwrap_or_default(),
            history: subject.map(history).unwrap_or_default(),
            work: lesson.map(|lesson| self.work(lesson, student, enrollment.as_ref())),
            course,
            enrollment,
            topic,
            quiz,
            attempt,
            assignment,
            submission,
        })
    }

    fn lesson_done(&self, lesson: LessonId, student: UserId) -> bool {
        self.all::<LessonProgress>()
            .any(|p| p.lesson_id == lesson && p.student_id == student && p.status == ProgressStatus::Completed)
            || self.all::<Waiver>().any(|w| w.lesson_id == Some(lesson) && w.student_id == student)
    }

    fn work(&self, lesson: Lesson, student: UserId, enrollment: Option<&Enrollment>) -> LessonWork {
        let id = lesson.id;
        let (quizzes, assignments) = (self.quizzes(id), self.assignments(id));
        let has_quiz = |of: Option<QuizId>| quizzes.iter().any(|q| Some(q.id) == of);
        let has_assignment = |of: Option<AssignmentId>| assignments.iter().any(|a| Some(a.id) == of);
        let here = |l: Option<LessonId>, q, a| l == Some(id) || has_quiz(q) || has_assignment(a);
        let own = enrollment.map(|e| e.id);
        LessonWork {
            progress: self.one(|p: &LessonProgress| p.lesson_id == id && p.student_id == student),
            topics: self.count(|t: &Topic| t.lesson_id == id),
            topics_viewed: self.count(|v: &TopicView| {
                v.student_id == student && self.get::<Topic>(v.topic_id).is_some_and(|t| t.lesson_id == id)
            }),
            results: self.many(|r: &QuizResult| r.student_id == student && has_quiz(Some(r.quiz_id))),
            submissions: head_of(self.sorted(
                |s: &Submission| s.student_id == student && has_assignment(Some(s.assignment_id)),
                |s| s.version_no,
            )),
            waivers: self
                .many(|w: &Waiver| Some(w.enrollment_id) == own && here(w.lesson_id, w.quiz_id, w.assignment_id)),
            overrides: self
                .many(|o: &Override| Some(o.enrollment_id) == own && here(o.lesson_id, o.quiz_id, o.assignment_id)),
            lesson,
            quizzes,
            assignments,
        }
    }

    /// What hangs under an item.
    pub(super) fn work_counts(&self, item: Item) -> WorkCounts {
        let lesson = |id: LessonId| match item {
            Item::Course(course) => self.get::<Lesson>(id).is_some_and(|l| l.course_id == course),
            Item::Lesson(lesson) => id == lesson,
            Item::Quiz(_) | Item::Assignment(_) => false,
        };
        let quiz = |id: QuizId| item == Item::Quiz(id) || self.get::<Quiz>(id).is_some_and(|q| lesson(q.lesson_id));
        let assignment = |id: AssignmentId| {
            item == Item::Assignment(id) || self.get::<Assignment>(id).is_some_and(|a| lesson(a.lesson_id))
        };
        let course = |id: CourseId| item == Item::Course(id);
        let viewed = |v: &TopicView| self.get::<Topic>(v.topic_id).is_some_and(|t| lesson(t.lesson_id));
        WorkCounts {
            topics: self.count(|t: &Topic| lesson(t.lesson_id)),
            quizzes: self.count(|q: &Quiz| lesson(q.lesson_id)),
            questions: self.count(|q: &QuizQuestion| quiz(q.quiz_id)),
            assignments: self.count(|a: &Assignment| lesson(a.lesson_id)),
            lessons: self.count(|l: &Lesson| course(l.course_id)),
            enrollments: self.count(|e: &Enrollment| course(e.course_id)),
            progress: self.count(|p: &LessonProgress| lesson(p.lesson_id)) + self.count(viewed),
            attempts: self.count(|a: &QuizAttempt| quiz(a.quiz_id)),
            submissions: self.count(|s: &Submission| assignment(s.assignment_id)),
            certificates: self.count(|c: &Certificate| course(c.course_id)),
        }
    }

    /// Names as they are now, the certificate that exists, and the scores that count (M7).
    pub(super) fn facts(&self, course: CourseId, student: UserId) -> Option<CertificateFacts> {
        let row = self.get::<Course>(course)?;
        let name = |user: UserId| self.get::<User>(user).map_or_else(String::new, |u| u.display_name.clone());
        let excused = |quiz: Option<QuizId>, assignment: Option<AssignmentId>| {
            self.all::<Override>()
                .any(|o| o.student_id == student && o.excused && (o.quiz_id, o.assignment_id) == (quiz, assignment))
                || self
                    .all::<Waiver>()
                    .any(|w| w.student_id == student && (w.quiz_id, w.assignment_id) == (quiz, assignment))
        };
        let mut scores = Vec::new();
        for lesson in self.lessons(course).iter().filter(|l| l.is_published) {
            for quiz in self.quizzes(lesson.id).iter().filter(|q| q.is_published && q.weight > 0) {
                let kept = self.one(|r: &QuizResult| r.quiz_id == quiz.id && r.student_id == student);
                let kept = kept.and_then(|r| r.kept()).filter(|score| score.possible > Points::ZERO);
                if let Some(score) = kept.filter(|_| !excused(Some(quiz.id), None)) {
                    let (item, shown) = (quiz.id.uuid(), Some(score.earned));
                    scores.push(WeightedScore { item, score, shown, weight: quiz.weight });
                }
            }
            for assignment in self.assignments(lesson.id).iter().filter(|a| a.is_published && a.weight > 0) {
                let graded =
                    |s: &Submission| s.assignment_id == assignment.id && s.student_id == student && s.grade.is_some();
                let graded = self.sorted(graded, |s| s.version_no);
                let counted = graded.last().and_then(|s| s.grade);
                let shown = graded.iter().rfind(|s| s.posted_at.is_some()).and_then(|s| s.grade);
                if let Some(earned) = counted.filter(|_| !excused(None, Some(assignment.id))) {
                    let score = Score { earned, possible: assignment.max_grade };
                    scores.push(WeightedScore { item: assignment.id.uuid(), score, shown, weight: assignment.weight });
                }
            }
        }
        Some(CertificateFacts {
            student_name: name(student),
            instructor_name: name(row.instructor_id),
            certificate: self.certificate_of(course, student),
            scores,
        })
    }
}

fn ids<R>(rows: &[R], id: impl Fn(&R) -> Uuid) -> Vec<Uuid> {
    rows.iter().map(id).collect()
}
