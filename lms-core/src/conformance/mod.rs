//! The contract of a store, as named tests that anyone can run on a store of their own.
//!
//! Each case is a plain async function over a [`Harness`]. [`conformance!`](crate::conformance!)
//! stamps a test per case:
//!
//! ```ignore
//! async fn store() -> impl lms_core::store::Store { MyStore::open().await }
//! lms_core::conformance!(my_store, store().await);
//! ```

use std::sync::Arc;

use crate::Lms;
use crate::model::Event;
use crate::store::Store;
use crate::testing::{Classroom, FixedClock};

pub mod access;
pub mod ai;
pub mod analytics;
pub mod assignments;
pub mod atomicity;
pub mod background;
pub mod cancel;
pub mod catalog;
pub mod certificates;
pub mod changes;
pub mod constraints;
pub mod copying;
pub mod course_pages;
pub mod drafts;
pub mod edits;
pub mod enrollment;
pub mod essays;
pub mod events;
pub mod expectations;
pub mod grading;
pub mod grants;
pub mod hostile;
pub mod large;
pub mod learning;
pub mod limits;
pub mod lists;
pub mod live;
pub mod log;
pub mod objectives;
pub mod own_work;
pub mod owners;
pub mod pages;
pub mod permissions;
pub mod person;
pub mod portable;
pub mod quizzes;
pub mod regrade;
pub mod repeating;
pub mod retention;
pub mod screens;
mod specimen;
pub mod suggestions;
pub mod sweep;
pub mod together;
pub mod tolerance;
pub mod values;

/// How many callers a race has.
pub const RACERS: usize = 32;

/// A fresh, migrated store under the library, with a clock that stands still.
pub struct Harness {
    /// The library over the store.
    pub lms: Lms,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<FixedClock>,
}

impl Harness {
    /// Migrates a fresh store and puts the library on it. Commands on one learner do not queue up in
    /// the process here: races meet in the store, where they must be right.
    ///
    /// # Panics
    /// When the store cannot be migrated.
    #[expect(clippy::expect_used, reason = "a test harness says what failed")]
    pub async fn over(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(FixedClock::noon());
        let lms = Lms::over(store.clone()).clock(clock.clone()).queueing(false).build();
        lms.migrate().await.expect("a fresh store migrates");
        Self { lms, store, clock }
    }

    /// A published course with learners.
    ///
    /// # Panics
    /// When it cannot be built.
    #[expect(clippy::expect_used, reason = "a test harness says what failed")]
    pub async fn classroom(&self, lessons: usize, students: usize) -> Classroom {
        Classroom::build(&self.lms, lessons, students).await.expect("a classroom is built")
    }

    /// Every event so far.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[expect(clippy::expect_used, reason = "a test harness says what failed")]
    pub async fn events(&self) -> Vec<Event> {
        self.lms.settle().await.expect("the log settles");
        self.store.events(0, &crate::store::EventFilter::default(), 2_000).await.expect("the log is read")
    }

    /// How many events of a kind there are.
    pub async fn count(&self, kind: crate::model::EventKind) -> usize {
        self.events().await.iter().filter(|e| e.event.kind == kind).count()
    }
}

/// Stamps the conformance suite as tests of a module: `conformance!(name, store_expression)`, where
/// the expression makes a fresh store each time and may await.
///
/// Each test has the attribute `#[tokio::test(flavor = "multi_thread", worker_threads = 4)]`, so the crate
/// needs tokio with `macros` and `rt-multi-thread` as a dev-dependency, and nothing else. Attributes of
/// your own come last: `conformance!(name, store_expression, #[my_runtime::test])`. They must run the test
/// inside of a tokio runtime with its timers on.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $make:expr $(,)?) => {
        $crate::conformance! { $module, $make, #[tokio::test(flavor = "multi_thread", worker_threads = 4)] }
    };
    ($module:ident, $make:expr, $(#[$test:meta])+ $(,)?) => {
        $crate::conformance_cases! { $module, ($make), ($(#[$test])+),
            atomicity::{ i1_a_batch_that_fails_anywhere_leaves_nothing, stale_expectations_conflict_and_write_nothing,
                a_cancelled_caller_leaves_all_or_nothing, host_text_round_trips_or_is_refused, missing_rows_are_none },
            expectations::{ every_expectation_that_fails_is_named, every_expectation_that_holds_lets_the_batch_through,
                one_of_many_that_expect_the_same_passes },
            constraints::{ every_unique_constraint_is_reported_by_its_word, every_reference_must_lead_somewhere,
                deletes_do_what_each_reference_says, d2_a_course_goes_with_all_that_is_in_it },
            changes::{ i1_a_batch_of_every_kind_is_whole_or_nothing, rows_are_put_upserted_and_ensured_by_their_keys,
                changes_that_find_another_state_are_conflicts, changes_apply_in_their_order },
            tolerance::{ rows_of_a_later_version_are_read },
            values::{ odd_text_round_trips_in_every_column, nul_is_refused_in_every_column_and_finds_nothing,
                instants_round_trip_to_the_microsecond, points_and_numbers_are_exact_to_their_ends,
                every_word_of_every_column_is_known },
            cancel::{ finishing_is_whole_wherever_it_is_cut, ai_content_is_whole_wherever_it_is_cut,
                seats_are_right_wherever_joining_is_cut, reads_that_are_cut_harm_nobody },
            together::{ p1_many_devices_complete_the_same_lesson, readers_never_see_half_a_batch,
                structure_changes_and_learners_exclude_each_other },
            log::{ v4_order_and_completeness_under_writers_of_every_length, v4_filters_find_exactly_their_events },
            pages::{ pages_neither_skip_nor_repeat_under_writes, pages_have_their_bounds },
            large::{ l7_texts_of_a_megabyte, a_course_of_a_thousand_lessons_is_one_batch },
            catalog::{ o1_o3_siblings_are_dense_and_sorted, o2_o5_reorder_is_exact_and_idempotent,
                l3_what_is_not_ready_is_not_published, l5_a_stale_edit_conflicts, d1_deleting_a_lesson_takes_its_work_along,
                d2_a_course_with_certificates_stays, d3_nothing_more_goes_than_was_shown, l6_objectives_are_known_or_refused,
                r1_who_may_not_see_it_hears_not_found,
                l1_hiding_a_running_course_changes_nothing_of_its_learners,
                n6_a_threshold_needs_points_that_are_not_dropped, l3_every_check_of_authoring_names_its_field, x2_lessons_open_in_their_order, a_command_id_is_done_once, a_repeated_edit_finds_what_it_wrote },
            drafts::{ i1_l4_a_quiz_by_ai_waits_to_be_published, i1_l4_an_assignment_by_ai_waits_to_be_published,
                i1_l4_a_course_by_ai_waits_to_be_published, i1_l4_a_text_by_ai_publishes_no_lesson },
            edits::{ l5_an_edit_takes_away_what_may_be_missing, l5_rules_begin_with_those_that_stand },
            own_work::{ a9_a_learner_lists_their_attempts, a9_the_list_says_which_attempts_count,
                a10_an_attempt_says_what_its_learner_asks, s1_s14_a_learner_lists_their_versions,
                g3_what_is_read_leads_to_the_work },
            owners::{
                e5_a_course_gets_another_owner, e5_staff_are_enrolled_at_the_same_moment,
                l5_what_a_course_has_can_be_taken_away },
            objectives::{ l6_deleting_an_objective_unlinks_it, l6_links_are_set_one_by_one },
            enrollment::{ e2_enrolling_twice_is_one_enrollment, e3_the_last_seats_go_to_as_many, e4_e6_who_may_join,
                e2_withdrawing_keeps_everything, e2_r1_the_suspended_do_not_let_themselves_in,
                e2_coming_back_by_oneself_keeps_the_dates, e6_an_order_id_is_one_enrollment, e6_an_order_of_who_is_there_is_kept, e1_ensure_user_is_one_row, e4_nobody_comes_back_into_a_draft },
            repeating::{ who_is_enrolled_stays_as_the_last_command_left_it, rights_and_grants_stay_as_they_were_left, what_took_ones_own_rights_is_found_done,
                e7_posting_again_posts_what_waits, a_learners_acts_are_done_once, what_was_added_and_deleted_stays_deleted },
            learning::{ p1_p2_lessons_complete_by_their_rules, p5_p6_percent_and_the_empty_course, p7_completion_fires_once, p7_who_is_suspended_completes_on_coming_back,
                p8_new_lessons_do_not_take_completion_away, p9_easing_the_course_completes_who_now_qualifies,
                p10_two_devices_finish_the_last_two_lessons, p10_many_learners_finish_at_once,
                p10_a_lesson_and_a_quiz_at_the_same_instant, p10_unpublish_against_finish, p4_own_marks_can_be_undone,
                b20_repeating_a_completed_lesson_writes_nothing,
                a9_another_kept_score_reaches_who_has_completed, p7_coming_back_counts_what_the_course_has_become,
                p2_the_last_work_of_a_lesson_stays, p7_after_a_reset_opening_is_enough_for_work_that_is_done, p11_audit_finds_what_was_written_around, p9_an_optional_lesson_takes_its_work_along },
            quizzes::{ a1_an_attempt_goes_forward_only, a2_start_is_idempotent, a3_attempts_are_limited, a4_a5_a6_time_runs_out, a7_saves_by_client_and_sequence,
                a8_thirty_two_submits_are_one, q14_keys_stay_hidden_until_revealed, q14_keys_of_earlier_attempts, q15_an_attempt_keeps_its_revision, q14_no_order_tells_the_key, a11_shuffling_is_as_it_was_at_the_start,
                a7_clients_without_end, l2_a_preview_of_a_quiz_leaves_nothing,
                q12_an_essay_waits_for_a_person, a10_passing_and_the_events_of_it },
            essays::{ q12_s10_human_over_ai, q12_i2_ai_answer_grades_flip_their_log, q12_s10_clearing_an_answer,
                q12_p3_the_last_answer_by_ai_completes, q12_s10_marks_of_answers_beside_marks_by_people },
            assignments::{ s1_versions_and_drafts, s14_handing_in_again_tells_no_grade, s5_cut_off_and_lateness, s9_s10_human_over_ai, s13_rubrics_sum_and_are_complete,
                s2_every_policy_of_another_version, s5_the_last_second_is_in_time,
                s3_the_posted_grade_stands_until_the_next_is_posted, s9_a_mark_by_a_person_answers_the_suggestion,
                s14_unposted_grades_stay_hidden, s14_a_certificate_tells_no_unposted_grade, i2_ai_grades_flip_their_log },
            suggestions::{ s9_s10_another_suggestion_is_not_adopted_unread, s9_adopting_while_other_suggestions_come,
                q12_s9_another_suggestion_for_an_answer_is_not_adopted_unread,
                s9_a_suggestion_that_was_answered_is_not_decided_upon },
            person::{ d7_an_export_holds_what_is_theirs, d7_an_export_holds_only_marks_that_are_shown, d5_erasing_blanks_texts_and_keeps_counts,
                d5_erasing_while_the_person_writes, d5_nothing_is_written_about_who_was_erased,
                e1_a_person_gets_another_name },
            access::{ x1_reads_and_writes_give_the_same_reasons, x3_what_was_begun_stays_readable,
                x2_a_requirement_that_cannot_be_met_asks_for_nothing, l2_a_learner_reads_a_lesson },
            copying::{ o6_a_copy_is_its_own_and_unpublished, o6_a_course_is_copied_with_its_dates, o6_a_date_moves_in_its_own_zone },
            course_pages::{ e6_a_page_says_what_joining_says, e6_a_page_shows_what_may_be_known_before_joining,
                e6_the_open_courses_come_in_pages },
            screens::{ g2_a_learners_home, g2_new_feedback_of_every_kind, g2_certificates_of_every_course, g4_g6_g7_the_tables_are_the_single_reads, g5_what_waits_for_staff, g5_d5_work_of_the_erased_waits_for_nobody, g5_twelve_hundred_wait, g3_a_quiz_says_who_graded_it,
                m5_figures_equal_a_recount_after_anything },
            lists::{ g5_the_queues_tell_who_and_what, e5_the_staff_of_a_course_by_name, s6_p12_what_was_granted_is_listed,
                c4_certificates_are_listed_with_their_state, c7_templates_are_listed_by_their_newest_version,
                e1_a_person_is_found_by_what_the_host_knows },
            permissions::{ r1_every_action_for_every_actor, r1_ai_reads_only_what_it_grades, q14_no_answer_to_a_learner_holds_a_key },
            grading::{ s10_clearing_returns_to_the_mark_by_ai, s9_s10_marks_by_ai_beside_marks_by_people, s2_returned_work_comes_back_as_another_version,
                s14_e7_posting_everybodys_grades, e7_many_at_once, e7_one_refused_row_keeps_all_out, a_plan_is_one_batch, s16_a_learner_asks_for_another_look },
            grants::{ p12_waivers_count_as_met_and_are_no_score, s6_an_override_recomputes_lateness_and_penalty,
                s6_other_default_dates_reach_every_learner, s12_another_maximum_keeps_or_rescales, s12_marks_and_a_lower_maximum_at_once,
                a4_extensions_move_open_deadlines_later, a4_a_deadline_is_not_past_the_close, p7_a_reset_keeps_work_and_certificate,
                a13_what_was_started_may_be_finished },
            regrade::{ a1_a_voided_attempt_counts_for_nothing, a12_regrading_by_the_present_key, a12_only_questions_of_the_quiz,
                a12_full_credit_and_dropped_questions, a12_only_if_higher_in_every_policy },
            certificates::{ c1_eligibility_names_every_blocker, c1_where_none_are_given_none_is_issued, c3_the_last_work_counts_by_its_weight, c1_each_blocker_while_it_stands,
                c4_the_first_that_applies_is_said, c2_thirty_two_issues_are_one, c3_c4_the_snapshot_is_what_verifies,
                c5_revoking_keeps_the_row, c6_ready_is_written_once, c6_days_are_those_of_the_courses_zone,
                c6_a_page_of_an_earlier_revision_is_not_the_next_ones,
                c6_a_failed_rendering_is_the_staffs_to_mend,
                c6_what_failed_is_listed_and_tried_again_together, c6_six_hundred_are_tried_again_with_one_call,
                d5_files_of_the_erased_are_found_whatever_the_row_says, l5_a_template_is_accepted_once,
                c7_templates_come_in_versions, c7_copy_by_ai_is_a_draft_until_accepted,
                c5_a_reissue_is_a_revision_under_the_same_code },
            ai::{ thirty_two_calls_at_once_never_pass_the_limit, what_is_set_aside_is_settled_once,
                limits_are_by_scope_and_day, i2_the_record_is_read_by_course_person_task_status_and_day,
                d4_texts_go_when_their_time_is_over_and_rows_stay,
                i2_an_answer_without_redaction_full_goes_when_it_is_applied,
                d5_calls_of_an_erased_person_keep_no_text },
            events::{ v1_v3_events_tell_who_what_and_when, v4_positions_are_dense_and_nothing_is_missed,
                v4_cursors_of_another_log_are_refused, v5_states_end_on_the_latest, v6_a_lease_is_held_by_one,
                v7_learners_see_their_own, v7_a_grader_does_not_listen,
                v2_every_kind_is_told_once_per_transition },
            retention::{ v4_what_is_older_goes_and_the_rest_keeps_its_place, v4_deleting_is_whole_wherever_it_is_cut,
                v4_a_place_below_what_is_kept_is_gone, v4_nothing_goes_that_a_consumer_has_yet_to_handle,
                v4_a_round_deletes_what_is_older_than_is_kept,
                v5_a_state_whose_place_is_gone_is_read_anew },
            background::{ v6_what_fails_keeps_nothing_else_waiting, v6_a_damaged_job_slows_nothing_down,
                v6_a_slow_consumer_holds_nobody_up, v6_a_panic_ends_nothing_beside_it,
                v6_damaged_jobs_in_front_starve_none, v6_long_jobs_take_turns,
                v6_who_was_overtaken_cannot_write, v6_health_counts_what_waits },
            sweep::{ a6_what_cannot_be_finished_keeps_no_other_waiting, a6_v6_the_background_gets_past_damaged_attempts },
            live::{ v7_what_was_taken_and_given_back_ends_no_stream_again, v7_a_new_course_is_its_owners_at_once, v7_who_is_suspended_hears_of_the_course_no_more,
                v7_a_quiet_stream_gets_on, v7_learners_hear_of_what_they_see_and_of_nothing_else,
                v5_a_learners_page_is_read_for_their_own_events },
            analytics::{ m1_completion_of_a_course, m2_quiz_averages, m3_active_students_in_the_window, m4_on_time_rates,
                m7_g3_the_course_score_and_the_scorecard, g1_g8_the_outline_says_what_the_single_reads_say,
                m6_the_worked_example_of_the_documentation },
            portable::{ random_courses_come_back_as_they_left, an_export_holds_the_content_and_nobodys_work,
                an_import_is_checked_as_authoring_is_and_writes_all_or_nothing,
                question_banks_go_and_come_as_gift, v2_events_leave_as_xapi_statements, v7_the_export_joins_the_scores },
            hostile::{ texts_of_ten_megabytes, lists_and_nesting_without_end, zones_and_dates_that_cannot_be,
                ids_of_another_course, marks_of_another_course },
            limits::{ l3_q15_what_is_published_can_be_started, q15_a_draft_has_five_hundred_questions,
                q15_a_quiz_of_more_than_four_megabytes_is_not_published, a7_answers_of_ten_megabytes,
                x2_l6_links_of_a_document_have_their_bound },
        }
    };
}

/// Stamps the tests of [`conformance!`](crate::conformance!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($module:ident, $make:tt, $test:tt, $($area:ident :: { $($case:ident),* $(,)? },)*) => {
        mod $module {
            $( mod $area {
                $( $crate::conformance_case! { $make, $test, $area, $case } )*
            } )*
        }
    };
}

/// Stamps one test of [`conformance!`](crate::conformance!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_case {
    (($make:expr), ($(#[$test:meta])+), $area:ident, $case:ident) => {
        $(#[$test])+
        async fn $case() {
            #[allow(unused_imports)]
            use super::super::*;
            let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new($make);
            let harness = $crate::conformance::Harness::over(store).await;
            $crate::conformance::$area::$case(&harness).await;
        }
    };
}
