/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes: a client key (caller.h), or a token of the identity provider, where the configuration
 * has one. A token is verified on the worker's loop once and then remembered (tokens.h). Its
 * subject is a key of its own (store/key_subject.h); the first token of a subject, or of a scope
 * that nobody has named, waits until libuv's pool has made them in the database and every worker
 * knows.
 */
#ifndef SLUICE_GATEWAY_ADMISSION_H
#define SLUICE_GATEWAY_ADMISSION_H

#include "gateway/call.h"
#include "gateway/caller.h"

enum admission {
    ADMITTED,
    ADMISSION_REFUSED,
    ADMISSION_UNKNOWN, /* admitted, but what it spends has no key yet */
};

/*
 * As caller_admit(), and of tokens: 401 with the code of the fault (jwt_fault_code()), 403
 * "token_claims", 503 "jwks_unavailable". Where keys are optional, a token whose signature is not
 * the issuer's is nobody's. What is returned lives until the worker's next admission.
 */
enum admission admission_check(struct worker *worker, const struct http_request *request,
                               bool required, struct caller *ret_caller,
                               struct caller_refusal *ret_refusal);

/* As caller_admit_admin(). Both know of the keys that another node has revoked. */
MUST_USE bool admission_admin(const struct worker *worker, const struct http_request *request,
                              struct caller *ret_caller, struct caller_refusal *ret_refusal);

/* Makes the key of the call's token. STEP_WAIT: call_run() goes on with STEP_ADMIT. */
enum call_step admission_wait(struct call *call);
/* The call is over: it is not waited for any more. */
void admission_forget(struct call *call);

#endif
