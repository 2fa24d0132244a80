/* SPDX-License-Identifier: Apache-2.0 */
/* What a call leaves behind: its closing record in the journal, its line in the access log, its
 * metrics. */
#ifndef SLUICE_GATEWAY_CALL_RECORD_H
#define SLUICE_GATEWAY_CALL_RECORD_H

#include "gateway/call.h"

/* Fills in the closing record from the call as it stands; `now_ns` is monotonic. */
void call_record_fill(const struct call *call, int64_t now_ns, struct call_record *ret_record);
/* What the closing record would say that is known before the answer, for a hold. */
void call_record_facts(const struct call *call, struct hold_record *record);
/* Writes the closing record once (with the journal), the access log line and the metrics. Calls
   that were refused at the door are logged and counted, not recorded: a stranger must not be
   able to fill the ledger. */
void call_record_close(struct call *call);
/* The same after the record itself has been journaled together with the last settle. */
void call_record_closed(struct call *call, const struct call_record *record);

#endif
