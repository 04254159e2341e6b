//! The counts behind a course's numbers (M1–M4).

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use lms_core::model::*;
use lms_core::store::*;

use super::MemoryStore;
use super::tables::Tables;

impl Tables {
    /// The learners that figures are about: active, not staff.
    fn counted(&self, course: CourseId) -> impl Iterator<Item = &Enrollment> {
        self.all::<Enrollment>()
            .filter(move |e| e.course_id == course && e.status == EnrollmentStatus::Active && !e.is_staff)
    }

    fn left_out(&self, enrollment: EnrollmentId, quiz: Option<QuizId>, assignment: Option<AssignmentId>) -> bool {
        let item = (quiz, assignment);
        self.all::<Override>()
            .any(|o| o.enrollment_id == enrollment && o.excused && (o.quiz_id, o.assignment_id) == item)
            || self.all::<Waiver>().any(|w| w.enrollment_id == enrollment && (w.quiz_id, w.assignment_id) == item)
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[async_trait]
impl AnalyticsReads for MemoryStore {
    async fn completion(&self, course: CourseId) -> Read<Option<CompletionCounts>> {
        let t = self.read();
        Ok(t.get::<Course>(course).map(|row| CompletionCounts {
            enrolled: count(t.counted(course).count()),
            completed: count(t.counted(course).filter(|e| e.completed_at.is_some()).count()),
            lessons_done: t.counted(course).map(|e| e.lessons_done.min(row.lessons_total)).sum(),
            lessons_total: row.lessons_total,
        }))
    }

    async fn lesson_counts(&self, course: CourseId) -> Read<Vec<LessonCounts>> {
        let t = self.read();
        let learners: BTreeSet<_> = t.counted(course).map(|e| e.id).collect();
        let mut counts = BTreeMap::new();
        for progress in t.all::<LessonProgress>().filter(|p| learners.contains(&p.enrollment_id)) {
            let lesson_id = progress.lesson_id;
            let of = counts.entry(lesson_id).or_insert(LessonCounts { lesson_id, in_progress: 0, completed: 0 });
            match progress.status {
                ProgressStatus::InProgress => of.in_progress += 1,
                ProgressStatus::Completed => of.completed += 1,
            }
        }
        Ok(counts.into_values().collect())
    }

    async fn quiz_percents(&self, scope: QuizScope) -> Read<PercentSum> {
        let t = self.read();
        let within = |r: &QuizResult| match scope {
            QuizScope::Quiz(quiz) => r.quiz_id == quiz,
            QuizScope::Lesson(lesson) => t.get::<Quiz>(r.quiz_id).is_some_and(|q| q.lesson_id == lesson),
            QuizScope::Course(course) => r.course_id == course,
        };
        let mut sum = PercentSum::default();
        for result in t.all::<QuizResult>().filter(|r| within(r)) {
            let counted = t.counted(result.course_id).any(|e| e.id == result.enrollment_id);
            let Some(score) = result.kept().filter(|score| counted && score.possible > Points::ZERO) else { continue };
            if !t.left_out(result.enrollment_id, Some(result.quiz_id), None) {
                let percent = i128::from(score.earned.units()) * 100_000_000 / i128::from(score.possible.units());
                sum.pairs += 1;
                sum.sum_e8 += i64::try_from(percent).unwrap_or(i64::MAX);
            }
        }
        Ok(sum)
    }

    async fn active_students(&self, course: Option<CourseId>, after: Timestamp, until: Timestamp) -> Read<i64> {
        let t = self.read();
        let within = t.events().iter().map(|e| &e.event).filter(|e| {
            e.learner_initiated && e.at > after && e.at <= until && (course.is_none() || e.course_id == course)
        });
        Ok(count(within.filter_map(|e| e.student_id).collect::<BTreeSet<_>>().len()))
    }

    async fn on_time(&self, assignment: AssignmentId, now: Timestamp) -> Read<OnTimeCounts> {
        let t = self.read();
        let mut counts = OnTimeCounts::default();
        let Some(row) = t.get::<Assignment>(assignment) else { return Ok(counts) };
        let Some(lesson) = t.get::<Lesson>(row.lesson_id) else { return Ok(counts) };
        for learner in t.counted(lesson.course_id).filter(|e| !t.left_out(e.id, None, Some(assignment))) {
            let own = t.one(|o: &Override| o.assignment_id == Some(assignment) && o.enrollment_id == learner.id);
            let due = match own.as_ref().map(|o| (o.due_mode, o.due_date)) {
                None | Some((OverrideMode::Inherit, _)) => row.due_date,
                Some((OverrideMode::Value, due)) => due,
                Some((OverrideMode::None, _)) => None,
            };
            let Some(due) = due else { continue };
            let handed_in = |s: &Submission| {
                s.assignment_id == assignment && s.enrollment_id == learner.id && s.state != SubmissionState::Draft
            };
            // The counted version: the latest graded one, else the latest.
            match t.sorted(handed_in, |s| (s.grade.is_some(), s.version_no)).pop() {
                Some(version) => {
                    counts.of += 1;
                    counts.on_time += i64::from(version.late_seconds == 0);
                }
                None if due < now && learner.created_at <= due => counts.of += 1,
                None => {}
            }
        }
        Ok(counts)
    }
}
