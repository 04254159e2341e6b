//! What a command does to the facts, or by which code it is refused.

use lms_core::lms::{AssignmentRules, QuizRules};
use lms_core::model::{
    AttemptState, CertificatePolicy, CompletionRule, EnrollmentPolicy, EnrollmentStatus, MetBy, Posting, Resubmission,
    SubmissionState, Timestamp,
};
use lms_core::store::Item;
use uuid::Uuid;

use crate::commands::{Act, Answer, By, Counts, Kids, NewQuestion, place};
use crate::figures::percent;
use crate::state::{Attempt, Certificate, Kind, Lesson, Model, Own, Progress, Question, Quiz, Seat, Task, Version};

pub type Verdict = Result<(), &'static str>;

fn clamp(index: i64, len: usize) -> usize {
    usize::try_from(index.max(0)).unwrap().min(len)
}

/// Hours come once (V3).
fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last.plus_seconds(3_600) <= now)
}

fn question(id: Uuid, new: NewQuestion) -> Question {
    Question { id, kind: new.kind, points: new.points, negative: new.negative }
}

/// Q3, Q13.
fn check_question(new: NewQuestion) -> Verdict {
    if new.negative.is_some_and(|negative| negative > new.points) { Err("invalid") } else { Ok(()) }
}

/// L3, N6.
fn check_quiz(published: bool, rules: &QuizRules, questions: &[Question]) -> Verdict {
    let worth = questions.iter().map(|q| q.points).sum::<i64>();
    let dates = matches!((rules.opens_at, rules.closes_at), (Some(opens), Some(closes)) if opens >= closes);
    let empty = published && (questions.is_empty() || (rules.pass_threshold_bp.is_some() && worth == 0));
    if dates || empty { Err("invalid") } else { Ok(()) }
}

/// L3, S5.
fn check_task(rules: &AssignmentRules, max: i64) -> Verdict {
    let dates = matches!((rules.due_date, rules.cutoff_date), (Some(due), Some(cutoff)) if due > cutoff);
    let mark = rules.met_by == MetBy::Passed && rules.pass_threshold_bp.is_none();
    if dates || mark || max <= 0 { Err("invalid") } else { Ok(()) }
}

fn check_rule(lesson: &Lesson) -> Verdict {
    if lesson.published && !lesson.is_possible() { Err("invalid") } else { Ok(()) }
}

fn reorder<T>(items: &mut [T], id: impl Fn(&T) -> Uuid, ids: &[Uuid], stale: bool) -> Verdict {
    let present: Vec<Uuid> = items.iter().map(&id).collect();
    if present == ids {
        return Ok(());
    }
    if stale {
        return Err("structure.changed");
    }
    let (mut have, mut want) = (present, ids.to_vec());
    have.sort();
    want.sort();
    if have != want {
        return Err("order.mismatch");
    }
    items.sort_by_key(|item| ids.iter().position(|i| *i == id(item)));
    Ok(())
}

impl Model {
    /// Does it. `ids` are those that the library gave to what it made.
    pub fn apply(&mut self, act: &Act, ids: &[Uuid]) -> Verdict {
        let touched = act.touches(self);
        let verdict = self.command(act, ids);
        if verdict.is_ok() {
            self.evaluate(touched);
        }
        verdict
    }

    fn command(&mut self, act: &Act, ids: &[Uuid]) -> Verdict {
        let id = ids.first().copied().unwrap_or_default();
        match act {
            Act::AddLesson { index, published, required, rule, from } => {
                let lesson = Lesson {
                    id,
                    published: *published,
                    required: *required,
                    rule: *rule,
                    from: *from,
                    requires: Default::default(),
                    topics: Vec::new(),
                    quizzes: Vec::new(),
                    tasks: Vec::new(),
                };
                check_rule(&lesson)?;
                let at = clamp(*index, self.lessons.len());
                self.lessons.insert(at, lesson);
            }
            Act::UpdateLesson { lesson, stale, required, rule, from } => {
                if *stale {
                    return Err("version.stale");
                }
                let mut after = self.lesson(*lesson).unwrap().clone();
                let same = (after.required, after.rule, after.from) == (*required, *rule, *from);
                (after.required, after.rule, after.from) = (*required, *rule, *from);
                if !same {
                    check_rule(&after)?;
                }
                *self.lesson_mut(*lesson) = after;
            }
            Act::PublishLesson { lesson, on } => {
                let mut after = self.lesson(*lesson).unwrap().clone();
                let same = after.published == *on;
                after.published = *on;
                if !same {
                    check_rule(&after)?;
                }
                *self.lesson_mut(*lesson) = after;
            }
            Act::Reorder { kids, parent, ids, stale } => match kids {
                Kids::Lessons => reorder(&mut self.lessons, |l| l.id, ids, *stale)?,
                Kids::Topics => reorder(&mut self.lesson_mut(*parent).topics, |t| *t, ids, *stale)?,
                Kids::Quizzes => reorder(&mut self.lesson_mut(*parent).quizzes, |q| q.id, ids, *stale)?,
                Kids::Tasks => reorder(&mut self.lesson_mut(*parent).tasks, |t| t.id, ids, *stale)?,
                Kids::Questions => reorder(&mut self.quiz_mut(*parent).questions, |q| q.id, ids, *stale)?,
            },
            Act::Require { lesson, other, on } => {
                let has = self.lesson(*lesson).unwrap().requires.contains(other);
                if *on && !has && self.reaches(*other, *lesson) {
                    return Err("invalid");
                }
                let requires = &mut self.lesson_mut(*lesson).requires;
                if *on {
                    requires.insert(*other)
                } else {
                    requires.remove(other)
                };
            }
            Act::AddTopic { lesson, index } => {
                let topics = &mut self.lesson_mut(*lesson).topics;
                topics.insert(clamp(*index, topics.len()), id);
            }
            Act::DeleteTopic { topic } => {
                let lesson = self.lessons.iter_mut().find(|l| l.topics.contains(topic)).unwrap();
                if lesson.published && lesson.rule == CompletionRule::Viewed && lesson.topics.len() == 1 {
                    return Err("invalid");
                }
                lesson.topics.retain(|t| t != topic);
                self.each_seat(|seat| {
                    seat.views.remove(topic);
                });
            }
            Act::AddQuiz { lesson, index, published, rules, questions } => {
                for new in questions {
                    check_question(*new)?;
                }
                let questions: Vec<Question> = questions
                    .iter()
                    .enumerate()
                    .map(|(n, q)| question(ids.get(n + 1).copied().unwrap_or_default(), *q))
                    .collect();
                check_quiz(*published, rules, &questions)?;
                let quizzes = &mut self.lesson_mut(*lesson).quizzes;
                let quiz = Quiz { id, published: *published, rules: rules.clone(), questions };
                quizzes.insert(clamp(*index, quizzes.len()), quiz);
            }
            Act::UpdateQuiz { quiz, stale, rules } => {
                if *stale {
                    return Err("version.stale");
                }
                let quiz = self.quiz(*quiz).unwrap().1;
                if quiz.rules != *rules {
                    check_quiz(quiz.published, rules, &quiz.questions)?;
                    let after = Quiz { rules: rules.clone(), ..quiz.clone() };
                    self.change_quiz(after)?;
                }
            }
            Act::PublishQuiz { quiz, on } => {
                let quiz = self.quiz(*quiz).unwrap().1;
                if quiz.published != *on {
                    check_quiz(*on, &quiz.rules, &quiz.questions)?;
                    let after = Quiz { published: *on, ..quiz.clone() };
                    self.change_quiz(after)?;
                }
            }
            Act::AddQuestion { quiz, new } => {
                check_question(*new)?;
                self.quiz_mut(*quiz).questions.push(question(id, *new));
            }
            Act::UpdateQuestion { question: which, new } => {
                check_question(*new)?;
                let quiz = self.quiz_of(*which);
                let mut after = quiz.questions.clone();
                *after.iter_mut().find(|q| q.id == *which).unwrap() = question(*which, *new);
                if quiz.questions != after {
                    check_quiz(quiz.published, &quiz.rules, &after)?;
                }
                quiz.questions = after;
            }
            Act::DeleteQuestion { question } => {
                let quiz = self.quiz_of(*question);
                let rest: Vec<Question> = quiz.questions.iter().filter(|q| q.id != *question).cloned().collect();
                if quiz.published {
                    check_quiz(true, &quiz.rules, &rest)?;
                }
                quiz.questions = rest;
            }
            Act::AddTask { lesson, index, published, rules, max } => {
                check_task(rules, *max)?;
                let tasks = &mut self.lesson_mut(*lesson).tasks;
                let task = Task { id, published: *published, rules: rules.clone(), max: *max };
                tasks.insert(clamp(*index, tasks.len()), task);
            }
            Act::UpdateTask { task, stale, rules } => {
                if *stale {
                    return Err("version.stale");
                }
                let task = self.task(*task).unwrap().1;
                check_task(rules, task.max)?;
                let after = Task { rules: rules.clone(), ..task.clone() };
                self.change_task(after)?;
            }
            Act::PublishTask { task, on } => {
                let after = Task { published: *on, ..self.task(*task).unwrap().1.clone() };
                self.change_task(after)?;
            }
            Act::SetMaxGrade { task, max, rescale } => self.set_max(*task, *max, *rescale)?,
            Act::PublishCourse { on } => {
                if *on && !self.course.published && !self.lessons.iter().any(|l| l.published) {
                    return Err("course.no_published_lesson");
                }
                self.course.published = *on;
            }
            Act::ArchiveCourse { on } => self.course.archived = *on,
            Act::SetFlow { flow } => self.course.flow = *flow,
            Act::SetEnrollment { policy } => self.course.enrollment = *policy,
            Act::SetCapacity { capacity } => self.course.capacity = *capacity,
            Act::SetCertificates { policy, valid_days } => {
                (self.course.certificates, self.course.valid_days) = (*policy, *valid_days);
            }
            Act::Enroll { who, by, starts, ends, exceed } => self.enroll(*who, *by, *starts, *ends, *exceed)?,
            Act::SetStatus { who, to, own } => self.set_status(*who, *to, *own)?,
            Act::PlanDelete { item } => {
                let counts = self.under(*item);
                self.plans.insert(place(*item).1, counts);
            }
            Act::Delete { item } => self.delete(*item)?,
            Act::Tick { seconds } => self.now = self.now.plus_seconds(*seconds),
            Act::Grade { version, points, seen } => self.grade(*version, *points, *seen)?,
            Act::Clear { version, seen } => {
                let version = self.mark(*version, *seen)?;
                if version.raw.is_none() {
                    return Err("grade.nothing_to_clear");
                }
                version.raw = None;
                version.human = true;
                version.posted = false;
                if version.state != SubmissionState::Returned {
                    version.state = SubmissionState::Submitted;
                }
            }
            Act::Return { version } => self.mark(*version, true)?.state = SubmissionState::Returned,
            Act::Post { who, task } => {
                let seat = self.seat_mut(*who).ok_or("not_found")?;
                for version in seat.versions.iter_mut().filter(|v| v.task == *task && v.raw.is_some()) {
                    version.posted = true;
                }
            }
            Act::Excuse { item, who, on } => self.own(*who, *item)?.excused = *on,
            Act::Waive { item, who } => {
                self.seat_mut(*who).ok_or("not_found")?.waived.insert(place(*item).1);
            }
            Act::RevokeWaiver { item, who } => {
                let seat = self.seat_mut(*who).ok_or("not_found")?;
                let id = place(*item).1;
                if !seat.waived.contains(&id) {
                    return Err("waiver.none");
                }
                if seat.completed.is_some() {
                    return Err("course.completed");
                }
                seat.waived.remove(&id);
            }
            Act::Extend { item, who, from, due, cutoff, time_bp, seconds, attempts } => {
                let own = self.own(*who, *item)?;
                let before = own.clone();
                (own.from, own.due, own.cutoff) = (*from, *due, *cutoff);
                (own.more_time_bp, own.extra_seconds, own.extra_attempts) = (*time_bp, *seconds, *attempts);
                self.move_deadline(*who, place(*item).1, &before);
            }
            Act::Reset { who } => {
                let lessons: Vec<Uuid> = self.lessons.iter().map(|l| l.id).collect();
                let seat = self.seat_mut(*who).ok_or("not_found")?;
                if !seat.progress.is_empty() || seat.completed.is_some() {
                    seat.progress.clear();
                    seat.completed = None;
                    seat.held.extend(lessons);
                }
            }
            Act::Issue { who, reason } => {
                let seat = self.people[*who].seat.as_ref();
                if seat.is_some_and(|s| s.certificate.is_some()) {
                    return Ok(());
                }
                if seat.is_none() || (!reason && !self.blockers(seat).is_empty()) {
                    return Err("certificate.not_eligible");
                }
                self.issue(*who);
            }
            Act::RevokeCertificate { who } => {
                let certificate = self.seat_mut(*who).and_then(|s| s.certificate.as_mut()).ok_or("certificate.none")?;
                certificate.revoked = true;
            }
            _ => return self.learn(act, id),
        }
        Ok(())
    }

    /// Whether one waits for the other, over what lessons require.
    fn reaches(&self, from: Uuid, to: Uuid) -> bool {
        from == to || self.lesson(from).unwrap().requires.iter().any(|next| self.reaches(*next, to))
    }

    fn each_seat(&mut self, change: impl FnMut(&mut Seat)) {
        self.people.iter_mut().filter_map(|p| p.seat.as_mut()).for_each(change);
    }

    fn quiz_of(&mut self, question: Uuid) -> &mut Quiz {
        let mut all = self.lessons.iter_mut().flat_map(|l| &mut l.quizzes);
        all.find(|q| q.questions.iter().any(|each| each.id == question)).unwrap()
    }

    /// P2, L3: a lesson is not left with a rule that nobody can meet.
    fn change_quiz(&mut self, after: Quiz) -> Verdict {
        let (lesson, before) = self.quiz(after.id).unwrap();
        let counts = |q: &Quiz| q.published && q.rules.is_required;
        let goes = counts(before) && !counts(&after);
        let mut lesson = lesson.clone();
        let id = after.id;
        *lesson.quizzes.iter_mut().find(|q| q.id == id).unwrap() = after;
        if goes {
            check_rule(&lesson)?;
        }
        let id = lesson.id;
        *self.lesson_mut(id) = lesson;
        Ok(())
    }

    fn change_task(&mut self, after: Task) -> Verdict {
        let (lesson, before) = self.task(after.id).unwrap();
        let counts = |t: &Task| t.published && t.rules.is_required;
        let goes = counts(before) && !counts(&after);
        let mut lesson = lesson.clone();
        let id = after.id;
        *lesson.tasks.iter_mut().find(|t| t.id == id).unwrap() = after;
        if goes {
            check_rule(&lesson)?;
        }
        let id = lesson.id;
        *self.lesson_mut(id) = lesson;
        Ok(())
    }

    fn own(&mut self, who: usize, item: Item) -> Result<&mut Own, &'static str> {
        Ok(self.seat_mut(who).ok_or("not_found")?.own.entry(place(item).1).or_default())
    }

    /// S12.
    fn set_max(&mut self, id: Uuid, max: i64, rescale: bool) -> Verdict {
        let task = self.task(id).unwrap().1.clone();
        if task.max == max {
            return Ok(());
        }
        check_task(&task.rules, max)?;
        let marks = || self.seats().flat_map(|(_, s)| &s.versions).filter(|v| v.task == id).filter_map(|v| v.raw);
        if !rescale && marks().any(|raw| raw > max) {
            return Err("grade.above_max");
        }
        if rescale {
            self.each_seat(|seat| {
                for version in seat.versions.iter_mut().filter(|v| v.task == id) {
                    let scaled = |raw: i64| {
                        (2 * i128::from(raw) * i128::from(max) + i128::from(task.max)) / (2 * i128::from(task.max))
                    };
                    version.raw = version.raw.map(|raw| i64::try_from(scaled(raw)).unwrap());
                }
            });
        }
        self.task_mut(id).max = max;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.course.capacity.is_some_and(|capacity| self.seats_taken() >= capacity)
    }

    /// E2–E4, E6.
    fn enroll(
        &mut self,
        who: usize,
        by: By,
        starts: Option<Timestamp>,
        ends: Option<Timestamp>,
        exceed: bool,
    ) -> Verdict {
        let seat = self.people[who].seat.as_ref();
        let stands = seat.is_some_and(|s| s.status != EnrollmentStatus::Withdrawn);
        let open = self.course.enrollment == EnrollmentPolicy::Open;
        if by == By::Themselves {
            if stands {
                return Ok(());
            }
            if !self.readable() && seat.is_none() {
                return Err("not_found");
            }
            if !open {
                // An archived course that was never published is nobody's to hear of.
                return Err(if seat.is_none() && !self.course.published { "not_found" } else { "course.closed" });
            }
        }
        if self.course.archived {
            return Err("course.archived");
        }
        if !self.course.published && by != By::Staff {
            return Err("course.not_published");
        }
        if matches!((starts, ends), (Some(starts), Some(ends)) if starts >= ends) {
            return Err("invalid");
        }
        if stands {
            return Ok(());
        }
        if self.is_full() && !(exceed && by == By::Staff) {
            return Err("course.full");
        }
        let now = self.now;
        let person = &mut self.people[who];
        match &mut person.seat {
            Some(seat) => {
                seat.status = EnrollmentStatus::Active;
                if by != By::Themselves {
                    (seat.starts, seat.ends) = (starts, ends);
                }
            }
            None => {
                person.seat = Some(Seat {
                    status: EnrollmentStatus::Active,
                    since: now,
                    starts,
                    ends,
                    completed: None,
                    opened: None,
                    progress: Default::default(),
                    views: Default::default(),
                    attempts: Vec::new(),
                    versions: Vec::new(),
                    waived: Default::default(),
                    own: Default::default(),
                    certificate: None,
                    held: Default::default(),
                    passed: Default::default(),
                });
            }
        }
        if by == By::Themselves {
            person.active = Some(now);
        }
        Ok(())
    }

    fn set_status(&mut self, who: usize, to: EnrollmentStatus, own: bool) -> Verdict {
        let full = self.is_full();
        let now = self.now;
        let seat = self.people[who].seat.as_ref().ok_or("not_found")?;
        if own && to != EnrollmentStatus::Withdrawn {
            return Err("denied");
        }
        let before = seat.status;
        if own && before == EnrollmentStatus::Suspended {
            return Err("locked");
        }
        let nothing = before == to || (before == EnrollmentStatus::Withdrawn && to == EnrollmentStatus::Suspended);
        if !nothing {
            if to == EnrollmentStatus::Active && full {
                return Err("course.full");
            }
            self.seat_mut(who).unwrap().status = to;
            if own {
                self.people[who].active = Some(now);
            }
        }
        if to == EnrollmentStatus::Withdrawn {
            // A13: what is open ends at once.
            let open: Vec<Uuid> = self.people[who].seat.iter().flat_map(|s| &s.attempts).map(|a| a.id).collect();
            for attempt in open {
                self.finish(attempt, false);
            }
        }
        Ok(())
    }

    fn mark(&mut self, id: Uuid, seen: bool) -> Result<&mut Version, &'static str> {
        let mut all = self.people.iter_mut().filter_map(|p| p.seat.as_mut()).flat_map(|s| &mut s.versions);
        let version = all.find(|v| v.id == id).unwrap();
        if version.state == SubmissionState::Draft {
            return Err("submission.draft");
        }
        if version.human && !seen {
            return Err("grade.newer");
        }
        Ok(version)
    }

    fn grade(&mut self, id: Uuid, points: i64, seen: bool) -> Verdict {
        let task = self.task(self.version(id).unwrap().1.task).unwrap().1.clone();
        let version = self.mark(id, seen)?;
        if points > task.max {
            return Err("grade.out_of_range");
        }
        version.raw = Some(points);
        version.human = true;
        version.posted |= task.rules.posting == Posting::Auto;
        if version.state != SubmissionState::Returned {
            version.state = SubmissionState::Graded;
        }
        Ok(())
    }

    /// D3: what hangs under an item.
    pub fn under(&self, item: Item) -> Counts {
        let (kind, id) = place(item);
        let lessons: Vec<&Lesson> = self.lessons.iter().filter(|l| kind == "course" || l.id == id).collect();
        let quizzes: Vec<&Quiz> = match kind {
            "quiz" => self.quiz(id).map(|(_, q)| q).into_iter().collect(),
            _ => lessons.iter().flat_map(|l| &l.quizzes).collect(),
        };
        let tasks: Vec<&Task> = match kind {
            "assignment" => self.task(id).map(|(_, t)| t).into_iter().collect(),
            _ => lessons.iter().flat_map(|l| &l.tasks).collect(),
        };
        let n = |count: usize| i64::try_from(count).unwrap();
        let seats: Vec<&Seat> = self.seats().map(|(_, s)| s).collect();
        let whole = matches!(kind, "course" | "lesson");
        let sum = |count: &dyn Fn(&Seat) -> usize| n(seats.iter().map(|s| count(s)).sum());
        let topics: Vec<Uuid> = lessons.iter().flat_map(|l| l.topics.clone()).collect();
        Counts {
            topics: n(topics.len()),
            quizzes: if whole { n(quizzes.len()) } else { 0 },
            questions: n(quizzes.iter().map(|q| q.questions.len()).sum()),
            assignments: if whole { n(tasks.len()) } else { 0 },
            lessons: if kind == "course" { n(lessons.len()) } else { 0 },
            enrollments: if kind == "course" { n(seats.len()) } else { 0 },
            progress: sum(&|s| lessons.iter().filter(|l| s.progress.contains_key(&l.id)).count())
                + sum(&|s| topics.iter().filter(|t| s.views.contains_key(*t)).count()),
            attempts: sum(&|s| s.attempts.iter().filter(|a| quizzes.iter().any(|q| q.id == a.quiz)).count()),
            submissions: sum(&|s| s.versions.iter().filter(|v| tasks.iter().any(|t| t.id == v.task)).count()),
            certificates: if kind == "course" { sum(&|s| usize::from(s.certificate.is_some())) } else { 0 },
        }
    }

    fn delete(&mut self, item: Item) -> Verdict {
        let (kind, id) = place(item);
        let counts = self.under(item);
        let shown = self.plans.get(&id).copied().unwrap_or(counts);
        if kind == "course" && counts.certificates > 0 {
            return Err("course.has_certificates");
        }
        let published = match kind {
            "course" => self.course.published,
            "lesson" => self.lesson(id).unwrap().published,
            "quiz" => self.quiz(id).unwrap().1.published,
            _ => self.task(id).unwrap().1.published,
        };
        if published && counts.progress + counts.attempts + counts.submissions > 0 {
            return Err("delete.published");
        }
        let pairs = |c: &Counts| {
            [
                c.topics,
                c.quizzes,
                c.questions,
                c.assignments,
                c.lessons,
                c.enrollments,
                c.progress,
                c.attempts,
                c.submissions,
            ]
        };
        if pairs(&counts).iter().zip(pairs(&shown)).any(|(now, then)| *now > then) {
            // Who is refused looks again.
            self.plans.remove(&id);
            return Err("delete.grown");
        }
        if published && matches!(kind, "quiz" | "assignment") {
            let of = self
                .lessons
                .iter()
                .find(|l| l.quizzes.iter().any(|q| q.id == id) || l.tasks.iter().any(|t| t.id == id));
            let mut rest = of.unwrap().clone();
            rest.quizzes.retain(|q| q.id != id);
            rest.tasks.retain(|t| t.id != id);
            check_rule(&rest)?;
        }
        let mut gone = vec![id];
        if let Some(lesson) = self.lesson(id) {
            gone.extend(&lesson.topics);
            gone.extend(lesson.quizzes.iter().map(|q| q.id));
            gone.extend(lesson.tasks.iter().map(|t| t.id));
        }
        self.course.deleted = kind == "course";
        self.lessons.retain(|l| l.id != id);
        for lesson in &mut self.lessons {
            lesson.quizzes.retain(|q| q.id != id);
            lesson.tasks.retain(|t| t.id != id);
            lesson.requires.remove(&id);
        }
        self.plans.retain(|id, _| !gone.contains(id));
        self.each_seat(|seat| {
            let stays = |id: &Uuid| !gone.contains(id);
            seat.progress.retain(|id, _| stays(id));
            seat.views.retain(|id, _| stays(id));
            seat.attempts.retain(|a| stays(&a.quiz));
            seat.versions.retain(|v| stays(&v.task));
            seat.waived.retain(stays);
            seat.own.retain(|id, _| stays(id));
            seat.passed.retain(|id, _| stays(id));
        });
        Ok(())
    }

    /// What learners do for themselves, and what is done with their attempts.
    fn learn(&mut self, act: &Act, id: Uuid) -> Verdict {
        let now = self.now;
        match act {
            Act::OpenCourse { who } => {
                let seat = self.enrolled(*who)?;
                if !self.course_locks(seat).is_empty() {
                    return Err("locked");
                }
                if is_due(seat.opened, now) {
                    self.seat_mut(*who).unwrap().opened = Some(now);
                    self.people[*who].active = Some(now);
                }
            }
            Act::OpenLesson { who, lesson } => {
                self.open_lesson(*who, *lesson)?;
                let seat = self.people[*who].seat.as_ref().unwrap();
                if is_due(seat.progress.get(lesson).map(|p| p.opened), now) {
                    self.begin(*who, *lesson);
                }
            }
            Act::View { who, topic } => {
                let lesson = self.lessons.iter().find(|l| l.topics.contains(topic)).unwrap().id;
                self.open_lesson(*who, lesson)?;
                let seat = self.people[*who].seat.as_ref().unwrap();
                if is_due(seat.views.get(topic).copied(), now) {
                    if !seat.progress.contains_key(&lesson) {
                        self.begin(*who, lesson);
                    }
                    self.seat_mut(*who).unwrap().views.insert(*topic, now);
                    self.people[*who].active = Some(now);
                }
            }
            Act::Complete { who, lesson } => {
                if self.enrolled(*who)?.is_completed(*lesson) {
                    return Ok(());
                }
                self.open_lesson(*who, *lesson)?;
                if self.lesson(*lesson).unwrap().rule != CompletionRule::Manual {
                    return Err("lesson.not_by_mark");
                }
                self.complete(*who, *lesson, true);
                self.people[*who].active = Some(now);
            }
            Act::Undo { who, lesson } => {
                let seat = self.enrolled(*who)?;
                if !seat.progress.get(lesson).is_some_and(|p| p.completed.is_some() && p.by_mark) {
                    return Err("lesson.nothing_to_undo");
                }
                if seat.completed.is_some() {
                    return Err("course.completed");
                }
                self.open_lesson(*who, *lesson)?;
                let seat = self.seat_mut(*who).unwrap();
                let progress = seat.progress.get_mut(lesson).unwrap();
                (progress.completed, progress.by_mark) = (None, false);
                seat.held.insert(*lesson);
                self.people[*who].active = Some(now);
            }
            Act::Start { who, quiz } => self.start(*who, *quiz, id)?,
            Act::Save { attempt, client, seq, patch } => self.save(*attempt, *client, *seq, patch)?,
            Act::Submit { attempt } => {
                self.finish(*attempt, true);
            }
            Act::ViewAttempt { attempt } => {
                self.finish(*attempt, false);
            }
            Act::Expire => {
                let all: Vec<Uuid> = self.seats().flat_map(|(_, s)| &s.attempts).map(|a| a.id).collect();
                for attempt in all {
                    self.finish(attempt, false);
                }
            }
            Act::GradeAnswer { attempt, question, points, seen } => {
                let attempt = self.attempt_mut(*attempt);
                if !matches!(attempt.state, AttemptState::PendingReview | AttemptState::Graded) {
                    return Err("attempt.not_gradable");
                }
                let of = attempt.questions.iter().find(|q| q.id == *question).unwrap().clone();
                if of.kind != Kind::Essay {
                    return Err("attempt.not_gradable");
                }
                if *points > of.points {
                    return Err("grade.out_of_range");
                }
                if attempt.marks.contains_key(question) && !seen {
                    return Err("grade.newer");
                }
                attempt.marks.insert(*question, *points);
                if !attempt.waits() {
                    attempt.state = AttemptState::Graded;
                }
            }
            Act::Void { attempt } => self.attempt_mut(*attempt).state = AttemptState::Voided,
            Act::Draft { who, task } => self.hand(*who, *task, false, false, id)?,
            Act::HandIn { who, task, empty } => self.hand(*who, *task, true, *empty, id)?,
            _ => unreachable!("{act:?}"),
        }
        Ok(())
    }

    /// The seat of who may act in the course, or what everybody else is told (R1).
    fn enrolled(&self, who: usize) -> Result<&Seat, &'static str> {
        match &self.people[who].seat {
            Some(seat) if seat.status != EnrollmentStatus::Withdrawn => Ok(seat),
            Some(_) => Err("locked"),
            None if self.readable() && self.course.enrollment == EnrollmentPolicy::Open => Err("locked"),
            None => Err("not_found"),
        }
    }

    fn open_lesson(&self, who: usize, lesson: Uuid) -> Verdict {
        let seat = self.enrolled(who)?;
        let lesson = self.lesson(lesson).unwrap();
        if self.lesson_locks(seat, lesson, true).is_empty() { Ok(()) } else { Err("locked") }
    }

    fn begin(&mut self, who: usize, lesson: Uuid) {
        let now = self.now;
        let progress = &mut self.seat_mut(who).unwrap().progress;
        progress.entry(lesson).or_insert(Progress { opened: now, completed: None, by_mark: false }).opened = now;
        self.people[who].active = Some(now);
    }

    fn complete(&mut self, who: usize, lesson: Uuid, by_mark: bool) {
        let now = self.now;
        let seat = self.seat_mut(who).unwrap();
        let progress = seat.progress.entry(lesson).or_insert(Progress { opened: now, completed: None, by_mark: false });
        (progress.completed, progress.by_mark) = (Some(now), by_mark);
        seat.held.remove(&lesson);
        self.fired.lesson_completed += 1;
    }

    /// What the library completed although the model need not: accepted where the rule is met.
    pub fn accept_completion(&mut self, who: usize, lesson: Uuid) -> bool {
        let met = match (self.lesson(lesson), &self.people[who].seat) {
            (Some(row), Some(seat)) => seat.rule_met(row) && !self.must_complete(seat, row, false),
            _ => false,
        };
        if met {
            self.complete(who, lesson, false);
            self.evaluate(None);
        }
        met
    }

    fn attempt_mut(&mut self, id: Uuid) -> &mut Attempt {
        let mut all = self.people.iter_mut().filter_map(|p| p.seat.as_mut()).flat_map(|s| &mut s.attempts);
        all.find(|a| a.id == id).unwrap()
    }

    /// A4.
    fn deadline(seat: &Seat, quiz: &Quiz, limit: Option<i64>, started: Timestamp) -> Option<Timestamp> {
        let own = seat.own(quiz.id);
        let limit = limit
            .map(|seconds| started.plus_seconds(seconds * (10_000 + own.more_time_bp) / 10_000 + own.extra_seconds));
        let close = Own::pick(own.cutoff, quiz.rules.closes_at);
        limit.into_iter().chain(close).min()
    }

    /// An extension moves an open deadline later, never earlier.
    fn move_deadline(&mut self, who: usize, id: Uuid, before: &Own) {
        let Some((_, quiz)) = self.quiz(id) else { return };
        let quiz = quiz.clone();
        let seat = self.seat_mut(who).unwrap();
        let after = seat.clone();
        let mut then = seat.clone();
        then.own.insert(id, before.clone());
        for attempt in seat.attempts.iter_mut().filter(|a| a.quiz == id && a.state == AttemptState::InProgress) {
            let Some(stands) = attempt.deadline else { continue };
            let of = |seat: &Seat| Self::deadline(seat, &quiz, attempt.limit, attempt.started);
            attempt.deadline = match (of(&then), of(&after)) {
                (_, None) => None,
                (None, Some(new)) => Some(new.max(stands)),
                (Some(old), Some(new)) => {
                    let later = stands.plus_micros((new.as_micros() - old.as_micros()).max(0));
                    let close = Own::pick(after.own(id).cutoff, quiz.rules.closes_at);
                    Some(close.map_or(later, |close| later.min(close)).max(stands))
                }
            };
        }
    }

    fn start(&mut self, who: usize, quiz: Uuid, id: Uuid) -> Verdict {
        let open: Vec<Uuid> =
            self.people[who].seat.iter().flat_map(|s| &s.attempts).filter(|a| a.quiz == quiz).map(|a| a.id).collect();
        for attempt in open {
            self.finish(attempt, false);
        }
        let now = self.now;
        let (lesson, quiz) = self.quiz(quiz).map(|(l, q)| (l.clone(), q.clone())).unwrap();
        let seat = self.enrolled(who)?;
        let of: Vec<&Attempt> = seat.attempts.iter().filter(|a| a.quiz == quiz.id).collect();
        if of.iter().any(|a| a.state == AttemptState::InProgress) {
            return Ok(());
        }
        if !self.quiz_is_open(seat, &lesson, &quiz) {
            return Err("locked");
        }
        let used = of.iter().filter(|a| a.state != AttemptState::Voided).count();
        let allowed = quiz.rules.max_attempts.map(|max| max + seat.own(quiz.id).extra_attempts);
        if allowed.is_some_and(|allowed| i64::try_from(used).unwrap() >= allowed) {
            return Err("quiz.attempts_used_up");
        }
        let attempt = Attempt {
            id,
            quiz: quiz.id,
            number: of.iter().map(|a| a.number).max().unwrap_or(0) + 1,
            state: AttemptState::InProgress,
            questions: quiz.questions.clone(),
            started: now,
            deadline: Self::deadline(seat, &quiz, quiz.rules.time_limit_seconds, now),
            limit: quiz.rules.time_limit_seconds,
            finished: None,
            expired: false,
            answers: Default::default(),
            clients: Default::default(),
            marks: Default::default(),
        };
        self.seat_mut(who).unwrap().attempts.push(attempt);
        self.people[who].active = Some(now);
        Ok(())
    }

    /// A13, A5: whether an open attempt is over by itself.
    fn is_over(&self, who: usize, attempt: &Attempt) -> bool {
        let grace = self.quiz(attempt.quiz).unwrap().1.rules.grace_seconds;
        let withdrawn = self.people[who].seat.as_ref().unwrap().status == EnrollmentStatus::Withdrawn;
        withdrawn || attempt.is_overdue(grace, self.now)
    }

    /// Finishes an open attempt that is over, or that the learner hands in.
    fn finish(&mut self, id: Uuid, hand_in: bool) {
        let now = self.now;
        let (who, attempt) = self.attempt(id).unwrap();
        let over = self.is_over(who, attempt);
        if attempt.state != AttemptState::InProgress || !(hand_in || over) {
            return;
        }
        let attempt = self.attempt_mut(id);
        attempt.expired = over;
        attempt.finished = Some(attempt.deadline.map_or(now, |deadline| deadline.min(now)));
        attempt.state = if attempt.waits() { AttemptState::PendingReview } else { AttemptState::Graded };
        if !over {
            self.people[who].active = Some(now);
        }
    }

    fn save(&mut self, id: Uuid, client: u32, seq: i64, patch: &[(Uuid, Option<Answer>)]) -> Verdict {
        let (who, attempt) = self.attempt(id).unwrap();
        if attempt.state != AttemptState::InProgress || self.is_over(who, attempt) {
            return Err("attempt.closed");
        }
        let attempt = self.attempt_mut(id);
        if attempt.clients.get(&client).is_some_and(|last| seq <= *last) {
            return Ok(());
        }
        attempt.clients.insert(client, seq);
        for (question, answer) in patch {
            match answer {
                Some(Answer::Unknown) => {}
                Some(answer) => drop(attempt.answers.insert(*question, *answer)),
                None => drop(attempt.answers.remove(question)),
            }
        }
        Ok(())
    }

    /// S1, S2, S5.
    fn hand(&mut self, who: usize, id: Uuid, hand_in: bool, empty: bool, new: Uuid) -> Verdict {
        let now = self.now;
        let (lesson, task) = self.task(id).map(|(l, t)| (l.clone(), t.clone())).unwrap();
        let seat = self.enrolled(who)?;
        if Self::cutoff(seat, &task).is_some_and(|cutoff| now > cutoff) {
            return Err("submission.cut_off");
        }
        if !self.task_is_open(seat, &lesson, &task) {
            return Err("locked");
        }
        let versions = seat.versions_of(id);
        let draft = versions.last().filter(|v| v.state == SubmissionState::Draft).map(|v| (*v).clone());
        let granted = seat.own(id).extra_attempts;
        if let Some(latest) = seat.handed(id).filter(|_| draft.is_none() || hand_in) {
            if task.rules.max_versions.is_some_and(|max| latest.number >= max + granted) {
                return Err("submission.versions_used_up");
            }
            let may = match task.rules.resubmission {
                Resubmission::Never => latest.number <= granted,
                Resubmission::UntilDue => seat.due(&task).is_none_or(|due| now <= due),
                Resubmission::UntilCutoff => true,
                Resubmission::AfterReturn => latest.state == SubmissionState::Returned,
                Resubmission::UntilPass => !seat.task_pass_shown(&task),
            };
            if !may {
                return Err("submission.no_resubmission");
            }
        }
        let mut version = draft.clone().unwrap_or(Version {
            id: new,
            task: id,
            number: versions.last().map_or(0, |v| v.number) + 1,
            state: SubmissionState::Draft,
            content: false,
            submitted: None,
            raw: None,
            human: false,
            posted: false,
        });
        version.content |= !empty;
        if hand_in {
            if !version.content {
                return Err("submission.nothing");
            }
            (version.state, version.submitted) = (SubmissionState::Submitted, Some(now));
            self.people[who].active = Some(now);
        }
        let seat = self.seat_mut(who).unwrap();
        seat.versions.retain(|v| v.id != version.id);
        seat.versions.push(version);
        Ok(())
    }

    /// Whether P3 and P9 leave no choice.
    fn must_complete(&self, seat: &Seat, lesson: &Lesson, touched: bool) -> bool {
        let open = seat.status == EnrollmentStatus::Active && seat.completed.is_none();
        lesson.published && !seat.held.contains(&lesson.id) && (open || touched)
    }

    /// P3, P7, P9: whatever happened, nobody is left finished but in progress.
    fn evaluate(&mut self, touched: Option<usize>) {
        for who in 0..self.people.len() {
            let Some(seat) = &self.people[who].seat else { continue };
            let met: Vec<Uuid> = self
                .lessons
                .iter()
                .filter(|l| !seat.is_completed(l.id) && seat.rule_met(l))
                .filter(|l| self.must_complete(seat, l, touched == Some(who)))
                .map(|l| l.id)
                .collect();
            for lesson in met {
                self.complete(who, lesson, false);
            }
            let seat = self.people[who].seat.as_ref().unwrap();
            let totals = self.totals();
            let finished = totals.0 > 0 && totals == self.done(seat);
            if seat.status == EnrollmentStatus::Active && seat.completed.is_none() && finished {
                let now = self.now;
                self.seat_mut(who).unwrap().completed = Some(now);
                self.fired.course_completed += 1;
                let has = self.people[who].seat.as_ref().unwrap().certificate.is_some();
                if self.course.certificates == CertificatePolicy::OnCompletion && !has {
                    self.issue(who);
                }
            }
            self.see_passes(who);
        }
    }

    /// P7: the events of a quiz fire when pass changes its value.
    fn see_passes(&mut self, who: usize) {
        let seat = self.people[who].seat.as_ref().unwrap();
        let now: Vec<(Uuid, Option<bool>)> =
            self.lessons.iter().flat_map(|l| &l.quizzes).map(|q| (q.id, seat.pass(q))).collect();
        for (quiz, pass) in now {
            let before = self.seat_mut(who).unwrap().passed.insert(quiz, pass).flatten();
            if pass != before && pass.is_some() {
                *(if pass == Some(true) { &mut self.fired.quiz_passed } else { &mut self.fired.quiz_failed }) += 1;
            }
        }
    }

    fn issue(&mut self, who: usize) {
        let seat = self.people[who].seat.as_ref().unwrap();
        let certificate = Certificate {
            issued: self.now,
            completed: seat.completed,
            score: self.course_score(seat, false).and_then(|(earned, possible)| percent(earned, possible)),
            expires: self.course.valid_days.map(|days| self.now.plus_seconds(days * 86_400)),
            revoked: false,
        };
        self.seat_mut(who).unwrap().certificate = Some(certificate);
        self.fired.certificate_issued += 1;
    }
}
