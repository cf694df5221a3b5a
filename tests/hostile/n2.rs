//! What gNBs and UEs that lie, err or flood do to the core: nothing that anybody else notices.
//!
//! Each case does harm in its own way and says what it must get for it. After each, the processes are the same, another
//! gNB's UE goes on as before, new UEs come and go, and memory is flat.

mod n2 {
    pub(crate) mod interface;
    pub(crate) mod nas;
    pub(crate) mod ownership;
}

use tests::{ScriptError, World};

/// What a case comes to.
type Outcome = Result<(), ScriptError>;

macro_rules! cases {
    ($($module:ident: $($case:ident)*;)*) => {
        #[test]
        fn nobody_is_harmed() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut world = World::start().await;
                let only = std::env::var("CASE").ok();
                $($(
                    if only.as_deref().is_none_or(|only| only == stringify!($case)) {
                        let outcome: Outcome = n2::$module::$case(&mut world).await;
                        let name = stringify!($case);
                        outcome.unwrap_or_else(|error| panic!("{name}: {error}\n{}", world.core.log()));
                        world.unharmed(name).await;
                    }
                )*)*
            });
        }
    };
}

cases! {
    interface:
        first_message_is_not_ng_setup ng_setup_twice same_node_on_two_associations unknown_procedures
        responses_nobody_asked_for other_payload_protocols one_octet_flood node_that_does_not_read mutated_messages abort_with_procedures_under_way
        associations_come_and_go reset_of_the_whole_interface;
    ownership:
        ue_ids_never_given_out wrong_ran_ue_id message_for_another_nodes_ue reset_of_another_nodes_ues
        same_ran_ue_id_again guti_of_somebody_else;
    nas:
        nas_that_is_cut_or_empty nas_out_of_the_blue session_identities_out_of_range replayed_and_forged
        same_session_again_and_again synchronisation_failure_again_and_again oversized_options mutated_nas;
}
