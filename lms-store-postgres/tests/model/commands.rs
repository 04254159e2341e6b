//! Commands, and how they are drawn: by a number that is read against what exists, so that a sequence
//! from which some are left out is still one.

use lms_core::lms::{AssignmentRules, QuizRules};
use lms_core::model::question::ChoiceMode;
use lms_core::model::{
    AssignmentId, AttemptState, BasisPoints, CertificatePolicy, CompletionRule, EnrollmentPolicy, EnrollmentStatus,
    Flow, KeptScore, LessonId, MetBy, PenaltyInterval, Posting, QuizId, Resubmission, SubmissionState, Timestamp,
};
use lms_core::store::Item;
pub use lms_core::store::WorkCounts as Counts;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::state::{Kind, Model, POINT, Quiz, Seat, Task};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Of a single choice: whether it is the right one.
    Pick(bool),
    /// Of five options.
    Picks(u8),
    Essay,
    /// An option that does not exist.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewQuestion {
    pub kind: Kind,
    pub points: i64,
    pub negative: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Staff,
    System,
    Themselves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kids {
    Lessons,
    Topics,
    Quizzes,
    Tasks,
    Questions,
}

/// One date of an extension: inherit, none, a value.
pub type OwnDate = Option<Option<Timestamp>>;

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    AddLesson {
        index: i64,
        published: bool,
        required: bool,
        rule: CompletionRule,
        from: Option<Timestamp>,
    },
    UpdateLesson {
        lesson: Uuid,
        stale: bool,
        required: bool,
        rule: CompletionRule,
        from: Option<Timestamp>,
    },
    PublishLesson {
        lesson: Uuid,
        on: bool,
    },
    Reorder {
        kids: Kids,
        parent: Uuid,
        ids: Vec<Uuid>,
        stale: bool,
    },
    Require {
        lesson: Uuid,
        other: Uuid,
        on: bool,
    },
    AddTopic {
        lesson: Uuid,
        index: i64,
    },
    DeleteTopic {
        topic: Uuid,
    },
    AddQuiz {
        lesson: Uuid,
        index: i64,
        published: bool,
        rules: QuizRules,
        questions: Vec<NewQuestion>,
    },
    UpdateQuiz {
        quiz: Uuid,
        stale: bool,
        rules: QuizRules,
    },
    PublishQuiz {
        quiz: Uuid,
        on: bool,
    },
    AddQuestion {
        quiz: Uuid,
        new: NewQuestion,
    },
    UpdateQuestion {
        question: Uuid,
        new: NewQuestion,
    },
    DeleteQuestion {
        question: Uuid,
    },
    AddTask {
        lesson: Uuid,
        index: i64,
        published: bool,
        rules: AssignmentRules,
        max: i64,
    },
    UpdateTask {
        task: Uuid,
        stale: bool,
        rules: AssignmentRules,
    },
    PublishTask {
        task: Uuid,
        on: bool,
    },
    SetMaxGrade {
        task: Uuid,
        max: i64,
        rescale: bool,
    },
    PublishCourse {
        on: bool,
    },
    ArchiveCourse {
        on: bool,
    },
    SetFlow {
        flow: Flow,
    },
    SetEnrollment {
        policy: EnrollmentPolicy,
    },
    SetCapacity {
        capacity: Option<i64>,
    },
    SetCertificates {
        policy: CertificatePolicy,
        valid_days: Option<i64>,
    },
    Enroll {
        who: usize,
        by: By,
        starts: Option<Timestamp>,
        ends: Option<Timestamp>,
        exceed: bool,
    },
    SetStatus {
        who: usize,
        to: EnrollmentStatus,
        own: bool,
    },
    OpenCourse {
        who: usize,
    },
    OpenLesson {
        who: usize,
        lesson: Uuid,
    },
    View {
        who: usize,
        topic: Uuid,
    },
    Complete {
        who: usize,
        lesson: Uuid,
    },
    Undo {
        who: usize,
        lesson: Uuid,
    },
    Start {
        who: usize,
        quiz: Uuid,
    },
    Save {
        attempt: Uuid,
        client: u32,
        seq: i64,
        patch: Vec<(Uuid, Option<Answer>)>,
    },
    Submit {
        attempt: Uuid,
    },
    ViewAttempt {
        attempt: Uuid,
    },
    Expire,
    GradeAnswer {
        attempt: Uuid,
        question: Uuid,
        points: i64,
        seen: bool,
    },
    Void {
        attempt: Uuid,
    },
    Draft {
        who: usize,
        task: Uuid,
    },
    HandIn {
        who: usize,
        task: Uuid,
        empty: bool,
    },
    Grade {
        version: Uuid,
        points: i64,
        seen: bool,
    },
    Clear {
        version: Uuid,
        seen: bool,
    },
    Return {
        version: Uuid,
    },
    Post {
        who: usize,
        task: Uuid,
    },
    Excuse {
        item: Item,
        who: usize,
        on: bool,
    },
    Waive {
        item: Item,
        who: usize,
    },
    RevokeWaiver {
        item: Item,
        who: usize,
    },
    Extend {
        item: Item,
        who: usize,
        from: OwnDate,
        due: OwnDate,
        cutoff: OwnDate,
        time_bp: i64,
        seconds: i64,
        attempts: i64,
    },
    Reset {
        who: usize,
    },
    Issue {
        who: usize,
        reason: bool,
    },
    RevokeCertificate {
        who: usize,
    },
    PlanDelete {
        item: Item,
    },
    Delete {
        item: Item,
    },
    Tick {
        seconds: i64,
    },
}

impl Act {
    /// The word that the coverage counts by.
    pub fn word(&self) -> String {
        let text = format!("{self:?}");
        text.split([' ', '{']).next().unwrap_or_default().to_owned()
    }

    /// Whose work it touches, where it is one learner's.
    pub fn touches(&self, model: &Model) -> Option<usize> {
        match self {
            Self::Enroll { who, .. }
            | Self::SetStatus { who, .. }
            | Self::View { who, .. }
            | Self::Complete { who, .. }
            | Self::Start { who, .. }
            | Self::HandIn { who, .. }
            | Self::Excuse { who, on: true, .. }
            | Self::Waive { who, .. } => Some(*who),
            Self::Submit { attempt } | Self::GradeAnswer { attempt, .. } | Self::ViewAttempt { attempt } => {
                model.attempt(*attempt).map(|(who, _)| who)
            }
            Self::Grade { version, .. } => model.version(*version).map(|(who, _)| who),
            _ => None,
        }
    }
}

/// What a drawn number may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Content of a course that is being made.
    Author,
    /// The course is published.
    Open,
    /// Somebody joins.
    Join,
    /// Anything.
    Any,
}

/// A command before it is read against what exists.
#[derive(Debug, Clone, Copy)]
pub struct Raw {
    pub group: Group,
    pub seed: u64,
}

/// The raw commands of one case: a course is made, published, joined, and then anything happens.
pub fn draw(rng: &mut StdRng, length: usize) -> Vec<Raw> {
    let mut groups = vec![Group::Author; 9];
    groups.push(Group::Open);
    groups.extend([Group::Join; 3]);
    groups.resize(length.max(12), Group::Any);
    groups.into_iter().map(|group| Raw { group, seed: rng.random() }).collect()
}

struct Draw<'m> {
    rng: StdRng,
    model: &'m Model,
}

/// What a raw command is in this state; nothing where there is nothing to do it with.
pub fn resolve(raw: Raw, model: &Model) -> Option<Act> {
    let mut draw = Draw { rng: StdRng::seed_from_u64(raw.seed), model };
    match raw.group {
        Group::Author => draw.author(true),
        Group::Open => Some(Act::PublishCourse { on: true }),
        Group::Join => {
            let who = (0..model.people.len()).find(|n| model.people[*n].seat.is_none()).unwrap_or(0);
            Some(Act::Enroll { who, by: By::Staff, starts: None, ends: None, exceed: false })
        }
        Group::Any => match draw.rng.random_range(0..100) {
            0..25 => draw.onwards(),
            25..56 => draw.learner(),
            56..75 => draw.grader(),
            75..88 => draw.author(false),
            88..92 => draw.people(),
            92..95 => draw.course(),
            _ => Some(draw.tick()),
        },
    }
}

impl Draw<'_> {
    fn yes(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.choose(&mut self.rng).cloned()
    }
    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words.choose(&mut self.rng).unwrap()
    }
    /// Mostly somebody who can use the course.
    fn who(&mut self) -> usize {
        let usable =
            |n: &usize| self.model.people[*n].seat.as_ref().is_some_and(|s| self.model.course_locks(s).is_empty());
        let usable: Vec<usize> = (0..self.model.people.len()).filter(usable).collect();
        if self.yes(85)
            && let Some(who) = self.of(&usable)
        {
            return who;
        }
        self.rng.random_range(0..self.model.people.len())
    }
    fn lesson(&mut self) -> Option<Uuid> {
        let all: Vec<_> = self.model.lessons.iter().map(|l| l.id).collect();
        self.of(&all)
    }
    fn quiz(&mut self) -> Option<Quiz> {
        let all: Vec<_> = self.model.lessons.iter().flat_map(|l| &l.quizzes).cloned().collect();
        self.of(&all)
    }
    fn task(&mut self) -> Option<Task> {
        let all: Vec<_> = self.model.lessons.iter().flat_map(|l| &l.tasks).cloned().collect();
        self.of(&all)
    }
    fn topic(&mut self) -> Option<Uuid> {
        let all: Vec<_> = self.model.lessons.iter().flat_map(|l| &l.topics).copied().collect();
        self.of(&all)
    }
    fn item(&mut self) -> Option<Item> {
        Some(match self.rng.random_range(0..5) {
            0 => Item::Lesson(LessonId::from_uuid(self.lesson()?)),
            1 | 2 => Item::Quiz(QuizId::from_uuid(self.quiz()?.id)),
            _ => Item::Assignment(AssignmentId::from_uuid(self.task()?.id)),
        })
    }
    /// An instant somewhere around now.
    fn instant(&mut self) -> Timestamp {
        let steps = [-90_000, -3_600, -60, 600, 3_600, 7_200, 86_400, 200_000];
        self.model.now.plus_seconds(*steps.choose(&mut self.rng).unwrap())
    }
    fn maybe(&mut self, percent: u32) -> Option<Timestamp> {
        self.yes(percent).then(|| self.instant())
    }
    fn threshold(&mut self, percent: u32) -> Option<BasisPoints> {
        self.yes(percent)
            .then(|| BasisPoints::new(*[3_333, 5_000, 6_667, 10_000].choose(&mut self.rng).unwrap()).unwrap())
    }

    fn question(&mut self) -> NewQuestion {
        let kind = match self.rng.random_range(0..10) {
            0..4 => Kind::Single,
            4..8 => Kind::Multiple(ChoiceMode::from_word(self.word(ChoiceMode::WORDS)).unwrap()),
            _ => Kind::Essay,
        };
        let points = if kind != Kind::Essay && self.yes(8) { 0 } else { self.rng.random_range(1..5) * POINT };
        let negative = (kind != Kind::Essay && self.yes(25)).then_some(POINT / 4);
        NewQuestion { kind, points, negative }
    }

    fn quiz_rules(&mut self) -> QuizRules {
        let opens = self.maybe(10);
        QuizRules {
            is_required: self.yes(75),
            pass_threshold_bp: self.threshold(60),
            max_attempts: self.yes(35).then(|| self.rng.random_range(1..5)),
            time_limit_seconds: self.yes(40).then(|| *[600, 3_600, 90_000].choose(&mut self.rng).unwrap()),
            kept_score: KeptScore::from_word(self.word(KeptScore::WORDS)).unwrap(),
            weight: *[0, 1, 1, 1, 3].choose(&mut self.rng).unwrap(),
            opens_at: opens,
            closes_at: self.maybe(12),
            ..QuizRules::default()
        }
    }

    fn task_rules(&mut self) -> AssignmentRules {
        let due = self.maybe(65);
        let cutoff = if self.yes(30) { due.map(|due| due.plus_seconds(86_400)) } else { self.maybe(6) };
        let penalty = self.yes(55).then(|| BasisPoints::new(1_000).unwrap());
        let interval = *[PenaltyInterval::Hour, PenaltyInterval::Day].choose(&mut self.rng).unwrap();
        AssignmentRules {
            is_required: self.yes(55),
            met_by: if self.yes(40) { MetBy::Passed } else { MetBy::Submitted },
            pass_threshold_bp: self.threshold(85),
            due_date: due,
            cutoff_date: cutoff,
            available_from: self.maybe(6),
            resubmission: Resubmission::from_word(self.word(Resubmission::WORDS)).unwrap(),
            max_versions: self.yes(25).then(|| self.rng.random_range(1..4)),
            grace_seconds: *[0, 0, 900].choose(&mut self.rng).unwrap(),
            penalty_bp: penalty,
            penalty_interval: penalty.map(|_| interval),
            penalty_floor_bp: self.threshold(50),
            posting: if self.yes(35) { Posting::Manual } else { Posting::Auto },
            weight: *[0, 1, 1, 2].choose(&mut self.rng).unwrap(),
            ..AssignmentRules::default()
        }
    }

    fn rule(&mut self) -> CompletionRule {
        CompletionRule::from_word(self.word(CompletionRule::WORDS)).unwrap()
    }

    fn author(&mut self, early: bool) -> Option<Act> {
        let published = self.yes(if early { 90 } else { 60 });
        let index = self.rng.random_range(-1..4);
        let stale = self.yes(8);
        let roll = if self.model.lessons.len() < 2 { 0 } else { self.rng.random_range(0..100) };
        let lessons = self.model.lessons.len();
        Some(match roll {
            0..8 if lessons < 5 => {
                let rule = if published && !self.yes(10) { CompletionRule::Manual } else { self.rule() };
                let required = self.yes(80);
                Act::AddLesson { index, published, required, rule, from: self.maybe(8) }
            }
            0..18 => {
                let lesson = self.model.lesson(self.lesson()?)?.clone();
                let rule = if self.yes(60) { self.rule() } else { lesson.rule };
                let required = if self.yes(40) { !lesson.required } else { lesson.required };
                let from = if self.yes(15) { self.maybe(50) } else { lesson.from };
                Act::UpdateLesson { lesson: lesson.id, stale, required, rule, from }
            }
            18..25 => {
                let lesson = self.model.lesson(self.lesson()?)?;
                let (lesson, on) = (lesson.id, !lesson.published);
                Act::PublishLesson { lesson, on: on || self.yes(10) }
            }
            25..30 => self.reorder(stale)?,
            30..33 => {
                let (lesson, other) = (self.lesson()?, self.lesson()?);
                Act::Require { lesson, other, on: self.yes(60) }
            }
            33..42 => Act::AddTopic { lesson: self.lesson()?, index },
            42..45 => Act::DeleteTopic { topic: self.topic()? },
            45..55 => {
                let lesson = self.lesson()?;
                let count = self.rng.random_range(0..10);
                let count = if count == 0 { 0 } else { 1 + count % 3 };
                let questions = (0..count).map(|_| self.question()).collect();
                Act::AddQuiz { lesson, index, published, rules: self.quiz_rules(), questions }
            }
            55..60 => {
                let quiz = self.quiz()?;
                let mut rules = quiz.rules.clone();
                let other = self.quiz_rules();
                match self.rng.random_range(0..7) {
                    0 => rules.is_required = !rules.is_required,
                    1 => rules.pass_threshold_bp = other.pass_threshold_bp,
                    2 => rules.kept_score = other.kept_score,
                    3 => rules.max_attempts = other.max_attempts,
                    4 => (rules.opens_at, rules.closes_at) = (other.opens_at, other.closes_at),
                    5 => rules.time_limit_seconds = other.time_limit_seconds,
                    _ => rules = other,
                }
                Act::UpdateQuiz { quiz: quiz.id, stale, rules }
            }
            60..65 => {
                let quiz = self.quiz()?;
                Act::PublishQuiz { quiz: quiz.id, on: !quiz.published || self.yes(10) }
            }
            65..69 => match self.quiz()? {
                quiz if quiz.questions.is_empty() || self.yes(40) => {
                    Act::AddQuestion { quiz: quiz.id, new: self.question() }
                }
                quiz if self.yes(40) => Act::DeleteQuestion { question: self.of(&quiz.questions)?.id },
                quiz => Act::UpdateQuestion { question: self.of(&quiz.questions)?.id, new: self.question() },
            },
            69..82 => {
                let lesson = self.lesson()?;
                let max = *[10, 30, 100].choose(&mut self.rng)? * POINT;
                Act::AddTask { lesson, index, published, rules: self.task_rules(), max }
            }
            82..86 => {
                let task = self.task()?;
                let mut rules = task.rules.clone();
                let other = self.task_rules();
                match self.rng.random_range(0..6) {
                    0 => rules.is_required = !rules.is_required,
                    1 => (rules.met_by, rules.pass_threshold_bp) = (other.met_by, other.pass_threshold_bp),
                    2 => (rules.due_date, rules.cutoff_date) = (other.due_date, other.cutoff_date),
                    3 => {
                        rules.penalty_bp = other.penalty_bp;
                        rules.penalty_interval = other.penalty_interval;
                        rules.penalty_floor_bp = other.penalty_floor_bp;
                    }
                    4 => rules.weight = other.weight,
                    _ => rules = other,
                }
                Act::UpdateTask { task: task.id, stale, rules }
            }
            86..88 => {
                let task = self.task()?;
                Act::PublishTask { task: task.id, on: !task.published || self.yes(10) }
            }
            88..92 => {
                let max = *[0, 10, 30, 75, 100].choose(&mut self.rng)? * POINT;
                Act::SetMaxGrade { task: self.task()?.id, max, rescale: self.yes(60) }
            }
            92..95 if !early => Act::PlanDelete { item: self.hidden()? },
            _ if !early => Act::Delete { item: self.hidden()? },
            _ => Act::AddTopic { lesson: self.lesson()?, index },
        })
    }

    /// An item to delete: mostly one that is not published, and one that a plan was made for.
    fn hidden(&mut self) -> Option<Item> {
        let mut all = Vec::new();
        for lesson in &self.model.lessons {
            all.push((Item::Lesson(LessonId::from_uuid(lesson.id)), lesson.published));
            let quizzes = lesson.quizzes.iter().map(|q| (Item::Quiz(QuizId::from_uuid(q.id)), q.published));
            all.extend(quizzes);
            let tasks = lesson.tasks.iter().map(|t| (Item::Assignment(AssignmentId::from_uuid(t.id)), t.published));
            all.extend(tasks);
        }
        let planned: Vec<_> =
            all.iter().filter(|(i, _)| self.model.plans.contains_key(&place(*i).1)).cloned().collect();
        let hidden: Vec<_> = all.iter().filter(|(_, published)| !published).cloned().collect();
        let from = match self.rng.random_range(0..10) {
            0..5 if !planned.is_empty() => planned,
            0..8 if !hidden.is_empty() => hidden,
            _ => all,
        };
        self.of(&from).map(|(item, _)| item)
    }

    fn reorder(&mut self, stale: bool) -> Option<Act> {
        let lesson = self.model.lesson(self.lesson()?)?.clone();
        let (kids, parent, mut ids): (_, _, Vec<Uuid>) = match self.rng.random_range(0..5) {
            0 | 1 => (Kids::Lessons, self.model.course.id, self.model.lessons.iter().map(|l| l.id).collect()),
            2 => (Kids::Topics, lesson.id, lesson.topics.clone()),
            3 if self.yes(50) => {
                let quiz = self.of(&lesson.quizzes)?;
                (Kids::Questions, quiz.id, quiz.questions.iter().map(|q| q.id).collect())
            }
            3 => (Kids::Quizzes, lesson.id, lesson.quizzes.iter().map(|q| q.id).collect()),
            _ => (Kids::Tasks, lesson.id, lesson.tasks.iter().map(|t| t.id).collect()),
        };
        ids.shuffle(&mut self.rng);
        if self.yes(10) {
            ids.pop();
        }
        Some(Act::Reorder { kids, parent, ids, stale })
    }

    fn people(&mut self) -> Option<Act> {
        let who = self.who();
        Some(match self.rng.random_range(0..10) {
            0..4 => {
                let by = *[By::Staff, By::Staff, By::System, By::Themselves].choose(&mut self.rng)?;
                let dated = by != By::Themselves && self.yes(25);
                let (starts, ends) = if dated { (self.maybe(50), self.maybe(60)) } else { (None, None) };
                Act::Enroll { who, by, starts, ends, exceed: by != By::Themselves && self.yes(20) }
            }
            4 => Act::SetStatus { who, to: EnrollmentStatus::Withdrawn, own: self.yes(50) },
            5 => Act::SetStatus { who, to: EnrollmentStatus::Suspended, own: self.yes(5) },
            _ => {
                // Who is not active comes back sooner or later.
                let away = |n: &usize| {
                    self.model.people[*n].seat.as_ref().is_some_and(|s| s.status != EnrollmentStatus::Active)
                };
                let who = (0..self.model.people.len()).find(away).unwrap_or(who);
                Act::SetStatus { who, to: EnrollmentStatus::Active, own: self.yes(5) }
            }
        })
    }

    fn course(&mut self) -> Option<Act> {
        Some(match self.rng.random_range(0..12) {
            0 if self.model.course.published => Act::PublishCourse { on: false },
            _ if !self.model.course.published && self.yes(60) => Act::PublishCourse { on: true },
            0..4 => Act::PublishCourse { on: true },
            4 => Act::ArchiveCourse { on: true },
            5 | 6 => Act::ArchiveCourse { on: false },
            7 => Act::SetFlow { flow: *[Flow::Free, Flow::Free, Flow::Sequential].choose(&mut self.rng)? },
            8 => {
                Act::SetEnrollment { policy: EnrollmentPolicy::from_word(self.word(EnrollmentPolicy::WORDS)).unwrap() }
            }
            9 | 10 => Act::SetCapacity { capacity: self.yes(70).then(|| self.rng.random_range(1..5)) },
            _ => {
                let policy = CertificatePolicy::from_word(self.word(CertificatePolicy::WORDS)).unwrap();
                Act::SetCertificates { policy, valid_days: self.yes(40).then_some(1) }
            }
        })
    }

    fn tick(&mut self) -> Act {
        let steps = [1, 30, 61, 599, 631, 1_800, 3_600, 7_200, 40_000, 86_401];
        Act::Tick { seconds: *steps.choose(&mut self.rng).unwrap() }
    }

    fn attempts(&self, wanted: impl Fn(AttemptState) -> bool) -> Vec<Uuid> {
        let all = self.model.seats().flat_map(|(_, s)| &s.attempts);
        all.filter(|a| wanted(a.state)).map(|a| a.id).collect()
    }

    fn answers(&mut self, attempt: Uuid, well: bool) -> Vec<(Uuid, Option<Answer>)> {
        let questions = self.model.attempt(attempt).map(|(_, a)| a.questions.clone()).unwrap_or_default();
        let mut patch = Vec::new();
        for question in questions {
            if !well && self.yes(25) {
                continue;
            }
            let answer = match question.kind {
                _ if !well && self.yes(6) => None,
                Kind::Single if !well && self.yes(6) => Some(Answer::Unknown),
                Kind::Single => Some(Answer::Pick(well || self.yes(50))),
                Kind::Multiple(_) => Some(Answer::Picks(if well { 0b111 } else { self.rng.random_range(1..32) })),
                Kind::Essay => Some(Answer::Essay),
            };
            patch.push((question.id, answer));
        }
        patch
    }

    fn save(&mut self, attempt: Uuid, well: bool) -> Act {
        let patch = self.answers(attempt, well);
        let client = self.rng.random_range(0..2);
        let seen = self.model.attempt(attempt).and_then(|(_, a)| a.clients.get(&client).copied()).unwrap_or(0);
        let seq = if self.yes(10) { seen } else { seen + 1 };
        Act::Save { attempt, client, seq, patch }
    }

    /// Mostly a lesson that they have marked.
    fn marked(&mut self, who: usize) -> Option<Uuid> {
        let seat = self.model.people[who].seat.as_ref()?;
        let marked = seat.progress.iter().filter(|(_, p)| p.completed.is_some() && p.by_mark).map(|(id, _)| *id);
        let marked: Vec<Uuid> = marked.collect();
        if self.yes(70) { self.of(&marked) } else { self.lesson() }
    }

    /// Mostly a quiz that is open to them.
    fn open_quiz(&mut self, who: usize) -> Option<Uuid> {
        let seat = self.model.people[who].seat.as_ref();
        let all = self.model.lessons.iter().flat_map(|l| l.quizzes.iter().map(move |q| (l, q)));
        let open = all.filter(|(l, q)| seat.is_some_and(|s| self.model.quiz_is_open(s, l, q))).map(|(_, q)| q.id);
        let open: Vec<Uuid> = open.collect();
        let tried = |id: &&Uuid| seat.is_some_and(|s| s.attempts.iter().any(|a| a.quiz == **id));
        let again: Vec<Uuid> = open.iter().filter(tried).copied().collect();
        match self.rng.random_range(0..10) {
            0..5 if !again.is_empty() => self.of(&again),
            0..8 => self.of(&open),
            _ => self.quiz().map(|q| q.id),
        }
    }

    fn open_task(&mut self, who: usize) -> Option<Uuid> {
        let seat = self.model.people[who].seat.as_ref();
        let all = self.model.lessons.iter().flat_map(|l| l.tasks.iter().map(move |t| (l, t)));
        let open = all.filter(|(l, t)| seat.is_some_and(|s| self.model.task_is_open(s, l, t))).map(|(_, t)| t.id);
        let open: Vec<Uuid> = open.collect();
        if self.yes(80) { self.of(&open) } else { self.task().map(|t| t.id) }
    }

    fn learner(&mut self) -> Option<Act> {
        let who = self.who();
        let open = self.attempts(|state| state == AttemptState::InProgress);
        // What is open is worked on more often than not.
        if self.yes(22)
            && let Some(attempt) = self.of(&open)
        {
            let answered = self.model.attempt(attempt).is_some_and(|(_, a)| !a.answers.is_empty());
            return Some(if answered && self.yes(70) { Act::Submit { attempt } } else { self.save(attempt, false) });
        }
        let any = self.attempts(|_| true);
        Some(match self.rng.random_range(0..100) {
            0..4 => Act::OpenCourse { who },
            4..12 => Act::OpenLesson { who, lesson: self.lesson()? },
            12..26 => Act::View { who, topic: self.topic()? },
            26..30 => Act::Complete { who, lesson: self.lesson()? },
            30..36 => Act::Undo { who, lesson: self.marked(who)? },
            36..48 => Act::Start { who, quiz: self.open_quiz(who)? },
            48..60 => {
                let attempt = if self.yes(85) { self.of(&open)? } else { self.of(&any)? };
                self.save(attempt, false)
            }
            60..67 => Act::Submit { attempt: if self.yes(85) { self.of(&open)? } else { self.of(&any)? } },
            67..70 => Act::ViewAttempt { attempt: self.of(&any)? },
            70..73 => Act::Expire,
            73..81 => Act::Draft { who, task: self.open_task(who)? },
            _ => Act::HandIn { who, task: self.open_task(who)?, empty: self.yes(12) },
        })
    }

    fn grader(&mut self) -> Option<Act> {
        let who = self.who();
        let seen = !self.yes(12);
        let handed = |v: &&crate::state::Version| v.state != SubmissionState::Draft;
        let versions: Vec<Uuid> = match self.yes(90) {
            true => self.model.seats().flat_map(|(_, s)| s.versions.iter().filter(handed)).map(|v| v.id).collect(),
            false => self.model.seats().flat_map(|(_, s)| &s.versions).map(|v| v.id).collect(),
        };
        let finished = self.attempts(|state| state != AttemptState::InProgress);
        Some(match self.rng.random_range(0..100) {
            0..26 => {
                let version = self.of(&versions)?;
                let max = self.model.task(self.model.version(version)?.1.task)?.1.max;
                let points = if self.yes(5) { max + POINT } else { self.rng.random_range(0..=12) * max / 12 };
                Act::Grade { version, points, seen }
            }
            26..34 => Act::Clear { version: self.of(&versions)?, seen },
            34..40 => Act::Return { version: self.of(&versions)? },
            40..45 => Act::Post { who, task: self.task()?.id },
            45..54 => {
                let waiting = self.attempts(|state| state == AttemptState::PendingReview);
                let attempt = if self.yes(60) { self.of(&waiting)? } else { self.of(&finished)? };
                let questions = self.model.attempt(attempt)?.1.questions.clone();
                let essays: Vec<_> = questions.iter().filter(|q| q.kind == Kind::Essay).cloned().collect();
                let question = if self.yes(80) { self.of(&essays)? } else { self.of(&questions)? };
                let points = self.rng.random_range(0..5) * question.points / 3;
                Act::GradeAnswer { attempt, question: question.id, points, seen }
            }
            54..57 => Act::Void { attempt: self.of(&self.attempts(|_| true))? },
            57..65 => {
                let item = match self.item()? {
                    Item::Lesson(_) => Item::Quiz(QuizId::from_uuid(self.quiz()?.id)),
                    item => item,
                };
                let (_, id) = place(item);
                let excused = self.model.people[who].seat.as_ref().is_some_and(|s| s.excused(id));
                Act::Excuse { item, who, on: !excused }
            }
            65..71 => Act::Waive { item: self.item()?, who },
            71..76 => {
                let waived: Vec<_> = self.model.people[who].seat.iter().flat_map(|s| s.waived.clone()).collect();
                let item = match self.of(&waived) {
                    Some(id) if self.model.quiz(id).is_some() => Item::Quiz(QuizId::from_uuid(id)),
                    Some(id) if self.model.task(id).is_some() => Item::Assignment(AssignmentId::from_uuid(id)),
                    Some(id) => Item::Lesson(LessonId::from_uuid(id)),
                    None => self.item()?,
                };
                Act::RevokeWaiver { item, who }
            }
            76..90 => self.extend(who)?,
            90..93 => Act::Reset { who },
            93..97 => Act::Issue { who, reason: self.yes(30) },
            _ => Act::RevokeCertificate { who },
        })
    }

    fn own_date(&mut self, percent: u32) -> OwnDate {
        self.yes(percent).then(|| self.maybe(75))
    }

    fn extend(&mut self, who: usize) -> Option<Act> {
        let item = self.item()?;
        let (quiz, task) = (matches!(item, Item::Quiz(_)), matches!(item, Item::Assignment(_)));
        let due = if task { self.own_date(70) } else { None };
        Some(Act::Extend {
            item,
            who,
            from: self.own_date(25),
            due,
            cutoff: if quiz || task { self.own_date(35) } else { None },
            time_bp: if quiz && self.yes(30) { 5_000 } else { 0 },
            seconds: if quiz && self.yes(40) { 900 } else { 0 },
            attempts: if (quiz || task) && self.yes(40) { 1 } else { 0 },
        })
    }

    /// What somebody who wants to finish the course, and a teacher who helps, would do next.
    fn onwards(&mut self) -> Option<Act> {
        let who = self.who();
        let seat: &Seat = self.model.people[who].seat.as_ref()?;
        for lesson in self.model.lessons.iter().filter(|l| l.published) {
            if let Some(quiz) = lesson.counted_quizzes().find(|q| !seat.quiz_met(q)) {
                let mine = seat.attempts.iter().filter(|a| a.quiz == quiz.id);
                if let Some(attempt) = mine.clone().find(|a| a.state == AttemptState::InProgress) {
                    let all = attempt.questions.iter().all(|q| attempt.answers.contains_key(&q.id));
                    let attempt = attempt.id;
                    return Some(if all { Act::Submit { attempt } } else { self.save(attempt, true) });
                }
                if let Some(attempt) = mine.clone().find(|a| a.state == AttemptState::PendingReview) {
                    let open = attempt
                        .questions
                        .iter()
                        .find(|q| q.kind == Kind::Essay && !attempt.marks.contains_key(&q.id))?;
                    return Some(Act::GradeAnswer {
                        attempt: attempt.id,
                        question: open.id,
                        points: open.points,
                        seen: true,
                    });
                }
                return Some(Act::Start { who, quiz: quiz.id });
            }
            if let Some(task) = lesson.counted_tasks().find(|t| !seat.task_met(t)) {
                return Some(match seat.handed(task.id) {
                    Some(version) if version.state == SubmissionState::Submitted => {
                        Act::Grade { version: version.id, points: task.max, seen: true }
                    }
                    _ => Act::HandIn { who, task: task.id, empty: false },
                });
            }
            if !seat.is_done(lesson.id) && lesson.required {
                let unseen = lesson.topics.iter().find(|t| !seat.views.contains_key(*t));
                return Some(match (lesson.rule, unseen) {
                    (CompletionRule::Viewed, Some(topic)) => Act::View { who, topic: *topic },
                    (CompletionRule::Work, _) => Act::Waive { item: Item::Lesson(LessonId::from_uuid(lesson.id)), who },
                    _ => Act::Complete { who, lesson: lesson.id },
                });
            }
        }
        None
    }
}

/// An item's kind in a word, and its id.
pub fn place(item: Item) -> (&'static str, Uuid) {
    match item {
        Item::Course(id) => ("course", id.uuid()),
        Item::Lesson(id) => ("lesson", id.uuid()),
        Item::Quiz(id) => ("quiz", id.uuid()),
        Item::Assignment(id) => ("assignment", id.uuid()),
    }
}
