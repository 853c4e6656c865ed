int peer_placeholder_;
