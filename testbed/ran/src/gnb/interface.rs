//! The NG interface itself: NG Setup (TS 38.413 8.7.1), NG Reset (8.7.4), paging (8.5), error indication (8.7.5).

use super::{Event, Gnb, s_tmsi_from_ngap, slice_to_ngap};
use ngap::{
    BroadcastPlmnItem, Cause, CauseRadioNetwork, ErrorIndication, Message, NgReset, NgResetAcknowledge, NgSetupFailure,
    NgSetupRequest, NgSetupResponse, Paging, PagingDrx, RanUeNgapId, ResetType, SupportedTaItem,
    UeAssociatedLogicalNgConnectionItem,
};

impl Gnb {
    /// The NG SETUP REQUEST of this gNB.
    pub fn setup_request(&self) -> NgSetupRequest {
        let slices = self.config.slices.iter().map(slice_to_ngap).collect();
        let broadcast = BroadcastPlmnItem { plmn_identity: self.plmn, tai_slice_support_list: slices };
        NgSetupRequest {
            global_ran_node_id: self.node,
            ran_node_name: Some(self.config.name.clone()),
            supported_ta_list: vec![SupportedTaItem { tac: self.tac, broadcast_plmn_list: vec![broadcast] }],
            default_paging_drx: PagingDrx::V128,
            ue_retention_information: false,
        }
    }

    /// Introduces the gNB to the AMF.
    pub fn start(&mut self) {
        let request = self.setup_request();
        self.send(0, Message::NgSetupRequest(request));
    }

    pub(super) fn handle_setup_response(&mut self, response: NgSetupResponse) {
        self.open = true;
        self.events.push_back(Event::SetUp { amf: response.amf_name });
    }

    pub(super) fn handle_setup_failure(&mut self, failure: &NgSetupFailure) {
        self.events.push_back(Event::Barred { cause: failure.cause });
    }

    /// Tells the AMF that all UE contexts here are lost.
    pub fn reset(&mut self) {
        self.drop_all();
        let cause = Cause::RadioNetwork(CauseRadioNetwork::Unspecified);
        self.send(0, Message::NgReset(NgReset { cause, reset_type: ResetType::NgInterface }));
    }

    pub(super) fn handle_reset(&mut self, reset: NgReset) {
        let mut acknowledge = NgResetAcknowledge::default();
        match reset.reset_type {
            ResetType::NgInterface => self.drop_all(),
            ResetType::PartOfNgInterface(items) => {
                for item in &items {
                    if let Some(id) = self.id_of_item(item) {
                        self.drop_context(id, reset.cause);
                    }
                }
                acknowledge.ue_associated_logical_ng_connection_list = Some(items);
            }
        }
        self.send(0, Message::NgResetAcknowledge(acknowledge));
    }

    fn id_of_item(&self, item: &UeAssociatedLogicalNgConnectionItem) -> Option<RanUeNgapId> {
        item.ran_ue_ngap_id.or_else(|| {
            let mut contexts = self.contexts.iter();
            contexts
                .find(|(_, context)| context.amf_id.is_some() && context.amf_id == item.amf_ue_ngap_id)
                .map(|(id, _)| *id)
        })
    }

    fn drop_all(&mut self) {
        let ids: Vec<_> = self.contexts.keys().copied().collect();
        for id in ids {
            self.drop_context(id, Cause::RadioNetwork(CauseRadioNetwork::Unspecified));
        }
    }

    pub(super) fn handle_paging(&mut self, paging: &Paging) {
        self.events.push_back(Event::Paging(s_tmsi_from_ngap(paging.ue_paging_identity)));
    }

    pub(super) fn handle_error(&mut self, error: &ErrorIndication) {
        let cause = error.cause.map_or_else(|| "without a cause".to_owned(), |cause| cause.to_string());
        self.events.push_back(Event::Error(cause));
        // The AMF knows no such connection: neither do we from now on.
        let unknown = matches!(
            error.cause,
            Some(Cause::RadioNetwork(
                CauseRadioNetwork::UnknownLocalUeNgapId | CauseRadioNetwork::InconsistentRemoteUeNgapId
            ))
        );
        if let (true, Some(id), Some(cause)) = (unknown, error.ran_ue_ngap_id, error.cause) {
            self.drop_context(id, cause);
        }
    }
}
