/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many a provider announces an answer (id, model, role) before it knows whether it can give one,
 * and then tells of an error. Until something of the answer itself comes the announcement is
 * withheld, so that another target can still be tried; but not for ever, since clients and proxies
 * on the way give up on a server that does not even send its head.
 */
#ifndef SLUICE_GATEWAY_CALL_HOLD_H
#define SLUICE_GATEWAY_CALL_HOLD_H

#include "gateway/call.h"

#define HOLD_MS 5000 /* an announcement waits between one and one and a half of these */

/* The answer was announced: from now on the worker looks after it. */
void call_hold(struct call *call);
void call_hold_due(struct deadline *deadline);

#endif
