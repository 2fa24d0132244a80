/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session of a call: looked up between PARSE and CLASSIFY, in a cluster with Redis also there
 * (SESSION_ASK_MS at most, without blocking anybody: then what this node knows must do), and kept
 * when the call is answered, with what its target's prompt cache is likely to hold now.
 */
#ifndef SLUICE_GATEWAY_CALL_SESSION_H
#define SLUICE_GATEWAY_CALL_SESSION_H

#include "gateway/call.h"

#define SESSION_ASK_MS 20

/* Nothing is asked for the call any more. */
void call_session_end(struct call *call);
/* The attempt under way is settled, and its answer has reached the client, or some of it has. */
void call_session_keep(struct call *call);
/* The answer of its target was judged not good enough: it goes to a stronger one, and stays there.
 */
void call_session_escalate(struct call *call);
/* What became of the session, as far as is known: for headers, records and logs. */
enum session_state call_session_state(const struct call *call);

/* The ledger's (store/ledger.h); `user` is the gateway's struct sessions. */
struct ledger_keeper call_session_keeper(struct sessions *sessions);

#endif
