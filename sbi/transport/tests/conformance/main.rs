//! What every transport must do, whatever it is made of: each test runs over all of them, on either kind of runtime.

mod certificates;
mod endings;
mod exchanges;
mod load;
mod site;
mod threads;
mod trust;

/// Makes one test per transport and runtime of each scenario.
macro_rules! conformance {
    ($($module:ident :: $scenario:ident),* $(,)?) => {
        conformance!(@over mem, Mem, [$($module::$scenario)*]);
        conformance!(@over shm, Shm, [$($module::$scenario)*]);
        conformance!(@over h2, H2, [$($module::$scenario)*]);
        conformance!(@over h2_tls, H2Tls, [$($module::$scenario)*]);
        conformance!(@over h2_shm, H2Shm, [$($module::$scenario)*]);
        conformance!(@over h2_unix, H2Unix, [$($module::$scenario)*]);
    };
    (@threads $scenarios:tt) => {
        conformance!(@over shm_threads, ShmThreads, $scenarios);
        conformance!(@over h2_threads, H2Threads, $scenarios);
    };
    (@over $name:ident, $kind:ident, [$($module:ident :: $scenario:ident)*]) => {
        mod $name {
            $(
                mod $scenario {
                    use crate::site::{Kind, Site};

                    #[tokio::test(flavor = "current_thread")]
                    async fn on_one_thread() {
                        crate::$module::$scenario(Site::new(Kind::$kind)).await;
                    }

                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn on_two_threads() {
                        crate::$module::$scenario(Site::new(Kind::$kind)).await;
                    }
                }
            )*
        }
    };
}

// Threads that wait. What is dropped half-way, or is more at once than there are threads, is no matter of theirs.
conformance!(@threads [
    exchanges::bodies_of_every_size_come_back
    exchanges::heads_arrive_as_sent
    exchanges::every_status_is_an_answer
    exchanges::a_body_over_the_servers_limit_is_answered_413
    exchanges::a_panic_is_answered_500_and_harms_nothing_else
    load::answers_come_in_any_order
    load::calls_beyond_the_limit_are_answered_503
    load::a_slow_reader_gets_everything
    load::long_held_bodies_do_not_block_others
    endings::a_deadline_ends_the_call_and_its_handler
    endings::a_server_that_goes_fails_its_calls
    endings::a_server_that_comes_back_is_found_again
    endings::the_next_endpoint_is_used_when_one_is_away
    endings::only_what_may_be_repeated_is_repeated
    endings::nobody_there_is_unreachable
    endings::counters_count
]);

conformance! {
    exchanges::bodies_of_every_size_come_back,
    exchanges::values_of_every_size_come_back_and_are_copied_nowhere,
    exchanges::a_value_over_the_limit_fails_the_call,
    exchanges::heads_arrive_as_sent,
    exchanges::every_status_is_an_answer,
    exchanges::a_body_over_the_servers_limit_is_answered_413,
    exchanges::a_body_over_the_clients_limit_fails_the_call,
    exchanges::a_panic_is_answered_500_and_harms_nothing_else,
    load::thousands_of_calls_in_flight,
    load::answers_come_in_any_order,
    load::many_clients_at_once,
    load::calls_beyond_the_limit_are_answered_503,
    load::a_slow_reader_gets_everything,
    load::long_held_bodies_do_not_block_others,
    endings::dropping_a_call_cancels_its_handler,
    endings::dropping_calls_at_any_time_harms_no_other,
    endings::a_deadline_ends_the_call_and_its_handler,
    endings::a_server_that_goes_fails_its_calls,
    endings::a_server_that_closes_answers_what_it_has,
    endings::a_server_that_comes_back_is_found_again,
    endings::the_next_endpoint_is_used_when_one_is_away,
    endings::only_what_may_be_repeated_is_repeated,
    endings::nobody_there_is_unreachable,
    endings::counters_count,
    trust::credentials_are_shown_as_often_as_needed,
}
