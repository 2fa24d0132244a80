/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that thinks for long sends nothing, and clients and proxies on the way give up on a
 * silent stream. Where the client's dialect has a word for it, a translated stream that was silent
 * for PING_MS gets a ping. Verbatim and edited streams get nothing that the provider did not say.
 */
#ifndef SLUICE_GATEWAY_CALL_PING_H
#define SLUICE_GATEWAY_CALL_PING_H

#include "gateway/call.h"

#define PING_MS 10000 /* a silent stream waits between one and two of these */

/* A stream has begun: from now on the worker looks after it, if its dialect has pings. */
void call_ping_watch(struct call *call);
void call_ping_due(struct deadline *deadline);

#endif
