//! One suite a port. In: a maker of the real thing or of a fake. Out: the port's promises, each a test.
//!
//! A test file lists the suite once with [`runner_contract!`](crate::runner_contract) or
//! [`repository_contract!`](crate::repository_contract), which make one `#[test]` of each promise.

/// The promises of [`tagboat_core::ports::Forge`].
pub mod forge;
/// The promises of [`tagboat_core::ports::Repository`].
pub mod repository;
/// The promises of [`tagboat_core::ports::Runner`].
pub mod runner;
/// The promises of [`tagboat_core::ports::Turn`].
pub mod turn;

/// Makes one test of each promise: `$make` is an expression for `Option` of what the promise takes, `None`
/// where the machine lacks something (see [`crate::require()`]).
#[doc(hidden)]
#[macro_export]
macro_rules! promises {
    ($suite:path, $make:expr, [$($name:ident),* $(,)?]) => {
        $(
            #[test]
            fn $name() {
                use $suite as suite;
                if let Some(subject) = $make {
                    suite::$name(&subject);
                }
            }
        )*
    };
}

/// The promises of every runner, fakes included.
#[macro_export]
macro_rules! runner_contract {
    ($make:expr) => {
        $crate::promises!(
            $crate::contract::runner,
            $make,
            [
                a_program_gives_its_output_and_status,
                a_status_other_than_0_is_an_output,
                a_missing_program_is_not_found,
                standard_input_arrives_whole,
                lines_are_told_with_the_span_and_without_secrets,
                nothing_starts_under_a_cancelled_scope,
                nothing_starts_after_the_deadline,
                a_started_program_gives_its_lines_and_ends_when_dropped,
            ]
        );
    };
}

/// The promises of a runner that starts real programs.
#[macro_export]
macro_rules! process_contract {
    ($make:expr) => {
        $crate::promises!(
            $crate::contract::runner,
            $make,
            [
                arguments_arrive_as_they_are,
                variables_and_the_folder_arrive,
                the_environment_is_small_and_fixed,
                input_is_closed_unless_given,
                a_file_is_streamed_to_standard_input,
                a_secret_on_standard_input_is_masked_when_printed,
                large_output_is_kept_whole,
                output_beyond_the_limit_is_an_error_and_ends_the_program,
                bytes_that_are_not_utf_8_are_kept,
                a_line_of_ten_megabytes_is_no_burden,
                interleaved_output_blocks_nothing,
                the_end_of_standard_error_is_kept,
                a_program_that_reads_nothing_blocks_nothing,
                a_timeout_ends_the_program_and_its_children,
                a_program_that_ignores_sigterm_is_killed,
                cancelling_ends_the_wait,
                a_program_ended_by_a_signal_has_not_succeeded,
                exit_255_is_a_status_like_any_other,
                waiting_for_a_line_has_its_own_end,
                a_started_programs_input_stays_open_until_it_is_dropped,
                a_started_program_that_ends_says_so,
            ]
        );
    };
}

/// The promises of every repository, fakes included.
#[macro_export]
macro_rules! repository_contract {
    ($make:expr) => {
        $crate::promises!(
            $crate::contract::repository,
            $make,
            [
                a_new_clone_has_no_tags,
                refs_that_are_asked_for_by_name_or_folder_are_those_of_the_whole_listing,
                a_written_tag_reads_back_as_it_was_written,
                a_signed_tag_reads_back_with_its_signature_and_what_was_signed,
                what_is_no_tag_or_not_here_is_none,
                a_tag_of_what_is_no_commit_here_is_refused,
                a_ref_is_created_only_where_nothing_is,
                a_ref_moves_only_from_what_was_expected,
                the_same_commit_in_two_tags_has_one_winner,
                exactly_one_of_32_creators_wins,
                exactly_one_of_32_movers_wins_each_round,
                several_refs_are_pushed_together_or_not_at_all,
                no_update_is_won_and_pushes_nothing,
                a_swap_to_an_object_that_is_not_here_changes_nothing,
                a_fetched_ref_brings_its_object,
                a_private_copy_follows_the_remote,
                a_version_tag_that_moved_on_the_remote_is_kept,
                a_kept_ref_is_not_fast_forwarded,
                hundreds_of_refs_are_fetched_at_once,
                fetching_what_the_remote_lacks_is_an_error,
                fetching_nothing_fetches_nothing,
                a_pattern_matches_whole_names_only,
                private_refs_change_together_or_not_at_all,
                only_private_refs_are_remembered,
                an_ancestor_is_told_from_a_descendant,
                a_log_has_what_touched_a_path_newest_first,
                a_log_begins_after_a_commit_or_at_the_beginning,
                a_log_begins_after_the_first_of_some_commits_that_is_behind,
                a_path_of_a_log_is_literal_and_whole,
                a_file_that_moves_touches_both_paths,
                a_message_of_a_log_arrives_whole,
                more_commits_than_asked_for_are_an_error,
                a_log_of_what_is_not_here_is_an_error,
                a_log_leads_nowhere_but_into_the_repository,
                a_commit_is_found_by_head_name_and_id,
                an_export_holds_the_commits_files_and_nothing_else,
                an_export_needs_an_empty_folder,
                a_name_that_would_change_a_refspec_is_refused,
                a_cancelled_scope_runs_nothing,
            ]
        );
    };
}

/// The promises of every queue, fakes included.
#[macro_export]
macro_rules! turn_contract {
    ($make:expr) => {
        $crate::promises!(
            $crate::contract::turn,
            $make,
            [
                an_empty_queue_gives_the_turn_at_once,
                a_ticket_says_what_it_was_told_last,
                the_turn_goes_round_in_the_order_of_coming,
                those_who_come_at_once_get_places_of_their_own_and_run_one_at_a_time,
                a_holder_that_goes_frees_its_place_at_once,
                one_who_leaves_the_middle_moves_those_behind_up,
                one_who_waits_can_be_asked_to_leave,
                one_that_runs_is_not_asked_to_leave,
                a_notice_is_for_one_place_and_not_for_its_number,
                queues_of_other_environments_and_repositories_are_others,
                a_wait_ends_when_it_is_interrupted_or_its_time_is_over,
                no_time_to_wait_is_enough_where_nobody_is_before,
                with_everything_deleted_places_are_lost_and_nobody_waits_for_ever,
            ]
        );
    };
}

/// The promises of every forge, fakes included.
#[macro_export]
macro_rules! forge_contract {
    ($make:expr) => {
        $crate::promises!(
            $crate::contract::forge,
            $make,
            [
                an_environment_without_runs_has_none,
                runs_are_those_of_the_environment,
                every_page_is_read,
                a_failure_is_told_as_what_it_is,
                an_ended_scope_asks_nothing,
            ]
        );
    };
}
