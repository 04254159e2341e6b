//! What follows from the facts, counted anew at every read, as SEMANTICS says it.

use lms_core::lms::{GradedItem, ItemState};
use lms_core::model::question::ChoiceMode;
use lms_core::model::{
    AttemptState, BasisPoints, CertificatePolicy, CompletionRule, EnrollmentStatus, Flow, KeptScore, MetBy,
    PenaltyInterval, Points, Score, SubmissionState, Timestamp,
};
use lms_core::rules::access::LockReason;
use lms_core::rules::eligibility::Blocker;
use uuid::Uuid;

use crate::commands::Answer;
use crate::state::{Attempt, Kind, Lesson, Model, Own, Question, Quiz, Seat, Task, Version};

/// A share as it is shown: hundredths of a percent, cut off (N3, N4).
pub fn percent(part: i64, of: i64) -> Option<i64> {
    (of > 0).then(|| i64::try_from(i128::from(part) * 10_000 / i128::from(of)).unwrap())
}

/// N2.
fn passes((earned, possible): (i64, i64), threshold: BasisPoints) -> Option<bool> {
    (possible > 0).then(|| i128::from(earned) * 10_000 >= i128::from(threshold.get()) * i128::from(possible))
}

pub fn score((earned, possible): (i64, i64)) -> Score {
    Score { earned: Points::from_units(earned), possible: Points::from_units(possible) }
}

/// Q5, Q2: the share of a question's points as a fraction; `None` while it waits for a person.
fn fraction(question: &Question, answer: Option<&Answer>) -> Option<(i64, i64)> {
    Some(match (question.kind, answer?) {
        (Kind::Single, Answer::Pick(right)) => (i64::from(*right), 1),
        (Kind::Multiple(mode), Answer::Picks(mask)) => {
            let (t, w) = (i64::from((mask & 0b111).count_ones()), i64::from((mask >> 3 & 0b11).count_ones()));
            match mode {
                ChoiceMode::AllOrNothing => (i64::from(t == 3 && w == 0), 1),
                ChoiceMode::NetCorrect => ((t - w).max(0), 3),
                ChoiceMode::EachOption if t == 0 => (0, 1),
                ChoiceMode::EachOption => (t + 2 - w, 5),
                ChoiceMode::Coverage if t == 0 => (0, 1),
                ChoiceMode::Coverage => (t * t, 3 * (t + w)),
            }
        }
        _ => return None,
    })
}

impl Attempt {
    pub fn possible(&self) -> i64 {
        self.questions.iter().map(|q| q.points).sum()
    }

    /// Whether an essay was answered and nobody has marked it.
    pub fn waits(&self) -> bool {
        self.questions
            .iter()
            .any(|q| q.kind == Kind::Essay && self.answers.contains_key(&q.id) && !self.marks.contains_key(&q.id))
    }

    /// N1, Q12, Q13: exact sums over a common denominator, rounded half up once, never below 0.
    pub fn earned(&self) -> i64 {
        const ALL: i128 = 900;
        let mut sum = 0_i128;
        for question in &self.questions {
            if let Some(points) = self.marks.get(&question.id) {
                sum += i128::from(*points) * ALL;
            } else if let Some((num, den)) = fraction(question, self.answers.get(&question.id)) {
                assert_eq!(ALL % i128::from(den), 0);
                sum += i128::from(question.points) * i128::from(num) * (ALL / i128::from(den));
                if num == 0 {
                    sum -= i128::from(question.negative.unwrap_or(0)) * ALL;
                }
            }
        }
        let rounded = (2 * sum + ALL).div_euclid(2 * ALL);
        i64::try_from(rounded).unwrap().clamp(0, self.possible())
    }

    pub fn is_overdue(&self, grace: i64, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline.plus_seconds(grace))
    }
}

impl Own {
    pub fn pick(own: Option<Option<Timestamp>>, default: Option<Timestamp>) -> Option<Timestamp> {
        own.unwrap_or(default)
    }
}

impl Seat {
    pub fn own(&self, item: Uuid) -> Own {
        self.own.get(&item).cloned().unwrap_or_default()
    }

    pub fn excused(&self, item: Uuid) -> bool {
        self.own(item).excused
    }

    /// A9, N6.
    pub fn kept(&self, quiz: &Quiz) -> Option<(i64, i64)> {
        let mut graded: Vec<&Attempt> =
            self.attempts.iter().filter(|a| a.quiz == quiz.id && a.state == AttemptState::Graded).collect();
        graded.sort_by_key(|a| a.number);
        let all: Vec<(i64, i64)> = graded.iter().map(|a| (a.earned(), a.possible())).collect();
        let share = |(e, p): (i64, i64)| if p == 0 { (0, 1) } else { (i128::from(e), i128::from(p)) };
        match quiz.rules.kept_score {
            KeptScore::Highest => all.into_iter().reduce(|best, next| {
                let ((be, bp), (ne, np)) = (share(best), share(next));
                if ne * bp > be * np { next } else { best }
            }),
            KeptScore::Latest => all.last().copied(),
            KeptScore::First => all.first().copied(),
            KeptScore::Average => all.into_iter().reduce(|sum, one| (sum.0 + one.0, sum.1 + one.1)),
        }
    }

    /// A10.
    pub fn pass(&self, quiz: &Quiz) -> Option<bool> {
        passes(self.kept(quiz)?, quiz.rules.pass_threshold_bp?)
    }

    pub fn quiz_met(&self, quiz: &Quiz) -> bool {
        self.waived.contains(&quiz.id)
            || self.excused(quiz.id)
            || match quiz.rules.pass_threshold_bp {
                Some(_) => self.pass(quiz) == Some(true),
                None => self.attempts.iter().any(|a| {
                    a.quiz == quiz.id && matches!(a.state, AttemptState::Graded | AttemptState::PendingReview)
                }),
            }
    }

    pub fn due(&self, task: &Task) -> Option<Timestamp> {
        Own::pick(self.own(task.id).due, task.rules.due_date)
    }

    /// S5, S6.
    pub fn late(&self, task: &Task, version: &Version) -> i64 {
        let (Some(at), Some(due)) = (version.submitted, self.due(task)) else { return 0 };
        let late = at.floor_seconds() - due.floor_seconds();
        if late > task.rules.grace_seconds { late } else { 0 }
    }

    /// S7: what stands of a raw mark under today's terms.
    pub fn grade(&self, task: &Task, version: &Version) -> Option<i64> {
        let raw = version.raw?;
        let late = self.late(task, version);
        let (Some(per), Some(interval)) = (task.rules.penalty_bp, task.rules.penalty_interval) else {
            return Some(raw);
        };
        if late == 0 || self.excused(task.id) {
            return Some(raw);
        }
        let length = if interval == PenaltyInterval::Hour { 3_600 } else { 86_400 };
        let started = i128::from((late + length - 1) / length);
        let max = i128::from(task.max);
        let wanted = started * i128::from(per.get()) * max;
        let floor = i128::from(task.rules.penalty_floor_bp.map_or(0, BasisPoints::get)) * max;
        let off = wanted.min((i128::from(raw) * 10_000 - floor).max(0));
        let rounded = i64::try_from((off + 5_000).div_euclid(10_000)).unwrap();
        Some(raw - rounded.min(raw))
    }

    pub fn versions_of(&self, task: Uuid) -> Vec<&Version> {
        let mut all: Vec<&Version> = self.versions.iter().filter(|v| v.task == task).collect();
        all.sort_by_key(|v| v.number);
        all
    }

    /// S3: the latest graded one.
    pub fn counted(&self, task: Uuid) -> Option<&Version> {
        self.versions_of(task).into_iter().rfind(|v| v.raw.is_some())
    }

    pub fn handed(&self, task: Uuid) -> Option<&Version> {
        self.versions_of(task).into_iter().rfind(|v| v.state != SubmissionState::Draft)
    }

    pub fn task_pass(&self, task: &Task) -> bool {
        self.passes_by(task, self.counted(task.id))
    }

    /// By what the learner has been shown (S14).
    pub fn task_pass_shown(&self, task: &Task) -> bool {
        self.passes_by(task, self.versions_of(task.id).into_iter().rfind(|v| v.raw.is_some() && v.posted))
    }

    fn passes_by(&self, task: &Task, version: Option<&Version>) -> bool {
        version.and_then(|v| self.grade(task, v)).is_some_and(|grade| {
            task.rules.pass_threshold_bp.is_none_or(|bp| passes((grade, task.max), bp) == Some(true))
        })
    }

    pub fn task_met(&self, task: &Task) -> bool {
        self.waived.contains(&task.id)
            || self.excused(task.id)
            || match task.rules.met_by {
                MetBy::Submitted => self.handed(task.id).is_some(),
                MetBy::Passed => self.task_pass(task),
            }
    }

    /// As the learner is told: a pass is hidden until its grade is posted (S14).
    pub fn task_met_as_told(&self, task: &Task) -> bool {
        let by_grade = task.rules.met_by == MetBy::Passed && !self.waived.contains(&task.id) && !self.excused(task.id);
        if by_grade { self.task_pass_shown(task) } else { self.task_met(task) }
    }

    pub fn is_completed(&self, lesson: Uuid) -> bool {
        self.progress.get(&lesson).is_some_and(|p| p.completed.is_some())
    }

    pub fn is_done(&self, lesson: Uuid) -> bool {
        self.is_completed(lesson) || self.waived.contains(&lesson)
    }

    /// P2.
    pub fn rule_met(&self, lesson: &Lesson) -> bool {
        match lesson.rule {
            CompletionRule::Manual => false,
            CompletionRule::Viewed => {
                !lesson.topics.is_empty() && lesson.topics.iter().all(|t| self.views.contains_key(t))
            }
            CompletionRule::Work => {
                lesson.has_work()
                    && lesson.counted_quizzes().all(|q| self.quiz_met(q))
                    && lesson.counted_tasks().all(|t| self.task_met(t))
            }
        }
    }
}

impl Lesson {
    pub fn counts(&self) -> bool {
        self.published && self.required
    }
    pub fn counted_quizzes(&self) -> impl Iterator<Item = &Quiz> {
        self.quizzes.iter().filter(|q| q.published && q.rules.is_required)
    }
    pub fn counted_tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|t| t.published && t.rules.is_required)
    }
    pub fn has_work(&self) -> bool {
        self.counted_quizzes().next().is_some() || self.counted_tasks().next().is_some()
    }
    /// Whether its rule can be met at all (P2).
    pub fn is_possible(&self) -> bool {
        match self.rule {
            CompletionRule::Manual => true,
            CompletionRule::Viewed => !self.topics.is_empty(),
            CompletionRule::Work => self.has_work(),
        }
    }
}

/// One graded item as a learner or their teacher sees it (G3).
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub kind: GradedItem,
    pub id: Uuid,
    pub required: bool,
    pub due: Option<Timestamp>,
    pub state: ItemState,
    pub met: bool,
    pub waived: bool,
    pub score: Option<Score>,
    pub percent: Option<i64>,
    pub passed: Option<bool>,
    pub late: i64,
    pub needs_regrading: bool,
}

/// What a learner has done and what there is to do: lessons, quizzes, assignments.
pub type Three = (i64, i64, i64);

fn n(count: usize) -> i64 {
    i64::try_from(count).unwrap()
}

impl Model {
    pub fn readable(&self) -> bool {
        self.course.published || self.course.archived
    }

    pub fn totals(&self) -> Three {
        let counted = || self.lessons.iter().filter(|l| l.published);
        (
            n(counted().filter(|l| l.required).count()),
            n(counted().flat_map(Lesson::counted_quizzes).count()),
            n(counted().flat_map(Lesson::counted_tasks).count()),
        )
    }

    pub fn done(&self, seat: &Seat) -> Three {
        let counted = || self.lessons.iter().filter(|l| l.published);
        (
            n(counted().filter(|l| l.required && seat.is_done(l.id)).count()),
            n(counted().flat_map(Lesson::counted_quizzes).filter(|q| seat.quiz_met(q)).count()),
            n(counted().flat_map(Lesson::counted_tasks).filter(|t| seat.task_met(t)).count()),
        )
    }

    pub fn seats_taken(&self) -> i64 {
        n(self.seats().filter(|(_, s)| s.status == EnrollmentStatus::Active).count())
    }

    /// E2, X1: why the enrollment itself cannot be used.
    fn seat_locks(&self, seat: &Seat) -> Vec<LockReason> {
        let mut found = Vec::new();
        match seat.status {
            EnrollmentStatus::Active => {}
            EnrollmentStatus::Suspended => found.push(LockReason::Suspended),
            EnrollmentStatus::Withdrawn => return vec![LockReason::NotEnrolled],
        }
        if let Some(at) = seat.starts.filter(|at| self.now < *at) {
            found.push(LockReason::NotStarted { at });
        }
        if let Some(at) = seat.ends.filter(|at| self.now >= *at) {
            found.push(LockReason::Ended { at });
        }
        found
    }

    pub fn course_locks(&self, seat: &Seat) -> Vec<LockReason> {
        let mut found = self.seat_locks(seat);
        if !self.readable() {
            found.push(LockReason::NotPublished);
        }
        found
    }

    /// X1–X3 for a lesson; `also` says whether what hangs under it is published.
    pub fn lesson_locks(&self, seat: &Seat, lesson: &Lesson, also: bool) -> Vec<LockReason> {
        let mut found = self.seat_locks(seat);
        if !(self.readable() && lesson.published && also) {
            found.push(LockReason::NotPublished);
        }
        if seat.progress.contains_key(&lesson.id) {
            return found;
        }
        if let Some(at) = Own::pick(seat.own(lesson.id).from, lesson.from).filter(|at| self.now < *at) {
            found.push(LockReason::NotYet { at });
        }
        if self.course.flow == Flow::Sequential {
            let earlier = self.lessons.iter().take_while(|l| l.id != lesson.id);
            if let Some(first) = earlier.filter(|l| l.counts()).find(|l| !seat.is_done(l.id)) {
                found.push(LockReason::EarlierLesson { id: lms_core::model::LessonId::from_uuid(first.id) });
            }
        }
        let unmet: Vec<_> = lesson
            .requires
            .iter()
            .filter(|id| self.lesson(**id).is_some_and(|l| l.counts() && !seat.is_done(l.id)))
            .map(|id| lms_core::model::LessonId::from_uuid(*id))
            .collect();
        if !unmet.is_empty() {
            found.push(LockReason::Requires { ids: unmet });
        }
        found
    }

    /// X1 for a quiz or an assignment of a lesson: the words of the reasons.
    pub fn item_locks(&self, seat: &Seat, lesson: &Lesson, item: Uuid) -> Vec<&'static str> {
        let mut found: Vec<_> = self.lesson_locks(seat, lesson, true).iter().map(LockReason::code).collect();
        let own = seat.own(item);
        if let Some(quiz) = lesson.quizzes.iter().find(|q| q.id == item) {
            let from = Own::pick(own.from, quiz.rules.opens_at);
            found.extend(from.filter(|at| self.now < *at).map(|_| "not_yet"));
            let close = Own::pick(own.cutoff, quiz.rules.closes_at);
            found.extend(close.filter(|at| self.now >= *at).map(|_| "closed"));
            let mine = || seat.attempts.iter().filter(|a| a.quiz == item);
            let open = mine().any(|a| a.state == AttemptState::InProgress);
            let used = n(mine().filter(|a| a.state != AttemptState::Voided).count());
            let none = quiz.rules.max_attempts.is_some_and(|max| used >= max + own.extra_attempts);
            found.extend((none && !open).then_some("no_attempts_left"));
        }
        if let Some(task) = lesson.tasks.iter().find(|t| t.id == item) {
            let from = Own::pick(own.from, task.rules.available_from);
            found.extend(from.filter(|at| self.now < *at).map(|_| "not_yet"));
            found.extend(Self::cutoff(seat, task).filter(|at| self.now > *at).map(|_| "closed"));
        }
        found.sort_unstable();
        found
    }

    pub fn quiz_is_open(&self, seat: &Seat, lesson: &Lesson, quiz: &Quiz) -> bool {
        let own = seat.own(quiz.id);
        self.lesson_locks(seat, lesson, quiz.published).is_empty()
            && Own::pick(own.from, quiz.rules.opens_at).is_none_or(|at| self.now >= at)
            && Own::pick(own.cutoff, quiz.rules.closes_at).is_none_or(|at| self.now < at)
    }

    pub fn cutoff(seat: &Seat, task: &Task) -> Option<Timestamp> {
        let cutoff = Own::pick(seat.own(task.id).cutoff, task.rules.cutoff_date)?;
        Some(seat.due(task).map_or(cutoff, |due| due.max(cutoff)))
    }

    pub fn task_is_open(&self, seat: &Seat, lesson: &Lesson, task: &Task) -> bool {
        self.lesson_locks(seat, lesson, task.published).is_empty()
            && Own::pick(seat.own(task.id).from, task.rules.available_from).is_none_or(|at| self.now >= at)
    }

    /// C1.
    pub fn blockers(&self, seat: Option<&Seat>) -> Vec<Blocker> {
        let mut found = Vec::new();
        if self.course.certificates == CertificatePolicy::None {
            found.push(Blocker::NotOffered);
        }
        let Some(seat) = seat else {
            found.push(Blocker::Enrollment);
            return found;
        };
        if seat.completed.is_some() {
            return found;
        }
        if seat.status != EnrollmentStatus::Active {
            found.push(Blocker::Enrollment);
        }
        if !self.lessons.iter().any(Lesson::counts) {
            found.push(Blocker::NoContent);
        }
        let counted = || self.lessons.iter().filter(|l| l.published);
        let lessons: Vec<_> = counted().filter(|l| l.required && !seat.is_done(l.id)).map(|l| l.id).collect();
        let quizzes: Vec<_> = counted().flat_map(Lesson::counted_quizzes).filter(|q| !seat.quiz_met(q)).collect();
        let tasks: Vec<_> = counted().flat_map(Lesson::counted_tasks).filter(|t| !seat.task_met(t)).collect();
        let waits = |id: Uuid| {
            seat.attempts.iter().any(|a| a.quiz == id && a.state == AttemptState::PendingReview)
                || seat.versions.iter().any(|v| v.task == id && v.state == SubmissionState::Submitted)
        };
        // Lesson by lesson, in each the quizzes first.
        let mut pending = Vec::new();
        for lesson in counted() {
            let items = lesson.quizzes.iter().map(|q| q.id).chain(lesson.tasks.iter().map(|t| t.id));
            let left = |id: &Uuid| quizzes.iter().any(|q| q.id == *id) || tasks.iter().any(|t| t.id == *id);
            pending.extend(items.filter(left).filter(|id| waits(*id)));
        }
        if !lessons.is_empty() {
            found.push(Blocker::LessonsLeft { ids: lessons });
        }
        if !quizzes.is_empty() {
            found.push(Blocker::QuizzesNotPassed { ids: quizzes.iter().map(|q| q.id).collect() });
        }
        if !tasks.is_empty() {
            found.push(Blocker::AssignmentsLeft { ids: tasks.iter().map(|t| t.id).collect() });
        }
        if !pending.is_empty() {
            found.push(Blocker::GradesPending { ids: pending });
        }
        found
    }

    /// G3, S8: the published items of a lesson; `all` shows grades that are not posted (S14).
    pub fn cells(&self, seat: &Seat, lesson: &Lesson, all: bool) -> Vec<Cell> {
        let mut found = Vec::new();
        for quiz in lesson.quizzes.iter().filter(|q| q.published) {
            let kept = seat.kept(quiz);
            let closes = Own::pick(seat.own(quiz.id).cutoff, quiz.rules.closes_at);
            let has = |state| seat.attempts.iter().any(|a| a.quiz == quiz.id && a.state == state);
            let state = match () {
                () if seat.excused(quiz.id) => ItemState::Excused,
                () if kept.is_some() => ItemState::Graded,
                () if has(AttemptState::PendingReview) => ItemState::Submitted,
                () if has(AttemptState::InProgress) => ItemState::InProgress,
                () if closes.is_some_and(|at| at <= self.now) => ItemState::Missing,
                () => ItemState::NotSubmitted,
            };
            found.push(Cell {
                kind: GradedItem::Quiz,
                id: quiz.id,
                required: quiz.rules.is_required,
                due: closes,
                state,
                met: seat.quiz_met(quiz),
                waived: seat.waived.contains(&quiz.id),
                score: kept.map(score),
                percent: kept.and_then(|(e, p)| percent(e, p)),
                passed: seat.pass(quiz),
                late: 0,
                needs_regrading: false,
            });
        }
        for task in lesson.tasks.iter().filter(|t| t.published) {
            let due = seat.due(task);
            let handed = seat.handed(task.id);
            let shown = seat.versions_of(task.id).into_iter().rfind(|v| v.raw.is_some() && (all || v.posted));
            let stands = shown.and_then(|v| seat.grade(task, v)).map(|grade| (grade, task.max));
            let state = match handed {
                _ if seat.excused(task.id) => ItemState::Excused,
                Some(v) if v.state == SubmissionState::Returned => ItemState::Returned,
                Some(v) if v.raw.is_some() && (all || v.posted) => ItemState::Graded,
                Some(v) if seat.late(task, v) > 0 => ItemState::Late,
                Some(_) => ItemState::Submitted,
                None if due.is_some_and(|due| due.plus_seconds(task.rules.grace_seconds) < self.now) => {
                    ItemState::Missing
                }
                None if !seat.versions_of(task.id).is_empty() => ItemState::InProgress,
                None => ItemState::NotSubmitted,
            };
            found.push(Cell {
                kind: GradedItem::Assignment,
                id: task.id,
                required: task.rules.is_required,
                due,
                state,
                met: if all { seat.task_met(task) } else { seat.task_met_as_told(task) },
                waived: seat.waived.contains(&task.id),
                score: stands.map(score),
                percent: stands.and_then(|(e, p)| percent(e, p)),
                passed: stands.and_then(|pair| passes(pair, task.rules.pass_threshold_bp?)),
                late: shown.or(handed).map_or(0, |v| seat.late(task, v)),
                needs_regrading: shown.zip(handed).is_some_and(|(s, h)| h.number > s.number),
            });
        }
        found
    }

    /// M7: over all grades, or only over posted ones.
    pub fn course_score(&self, seat: &Seat, all: bool) -> Option<(i64, i64)> {
        let mut sum = (0, 0);
        for lesson in self.lessons.iter().filter(|l| l.published) {
            for cell in self.cells(seat, lesson, all) {
                let weight = match cell.kind {
                    GradedItem::Quiz => self.quiz(cell.id).unwrap().1.rules.weight,
                    GradedItem::Assignment => self.task(cell.id).unwrap().1.rules.weight,
                };
                if let Some(score) = cell.score.filter(|_| !cell.waived && cell.state != ItemState::Excused) {
                    sum.0 += score.earned.units() * weight;
                    sum.1 += score.possible.units() * weight;
                }
            }
        }
        (sum.1 > 0).then_some(sum)
    }

    /// M2: pairs and the mean in hundredths of a percent.
    pub fn quiz_average(&self) -> (i64, Option<i64>) {
        let mut all = Vec::new();
        for (_, seat) in self.seats().filter(|(_, s)| s.status == EnrollmentStatus::Active) {
            for quiz in self.lessons.iter().flat_map(|l| &l.quizzes) {
                if let Some((earned, possible)) = seat.kept(quiz)
                    && possible > 0
                    && !seat.excused(quiz.id)
                    && !seat.waived.contains(&quiz.id)
                {
                    all.push(i128::from(earned) * 100_000_000 / i128::from(possible));
                }
            }
        }
        let pairs = i128::try_from(all.len()).unwrap();
        let mean = (pairs > 0).then(|| i64::try_from(all.iter().sum::<i128>() / pairs / 10_000).unwrap());
        (n(all.len()), mean)
    }

    /// M4: on time, and of how many.
    pub fn on_time(&self, task: &Task) -> (i64, i64) {
        let (mut on_time, mut of) = (0, 0);
        for (_, seat) in self.seats().filter(|(_, s)| s.status == EnrollmentStatus::Active) {
            let Some(due) = seat.due(task).filter(|_| !seat.excused(task.id) && !seat.waived.contains(&task.id)) else {
                continue;
            };
            match seat.counted(task.id).or(seat.handed(task.id)) {
                Some(version) => {
                    of += 1;
                    on_time += i64::from(seat.late(task, version) == 0);
                }
                None if due < self.now && seat.since <= due => of += 1,
                None => {}
            }
        }
        (on_time, of)
    }

    /// M3.
    pub fn active_24h(&self) -> i64 {
        let after = self.now.plus_seconds(-86_400);
        n(self.people.iter().filter(|p| p.active.is_some_and(|at| at > after)).count())
    }

    /// M1: enrolled, completed, mean percent, completed percent.
    pub fn completion(&self) -> (i64, i64, Option<i64>, Option<i64>) {
        let active: Vec<&Seat> =
            self.seats().map(|(_, s)| s).filter(|s| s.status == EnrollmentStatus::Active).collect();
        let completed = n(active.iter().filter(|s| s.completed.is_some()).count());
        let done = active.iter().map(|s| self.done(s).0).sum::<i64>();
        (
            n(active.len()),
            completed,
            percent(done, self.totals().0 * n(active.len())),
            percent(completed, n(active.len())),
        )
    }
}
