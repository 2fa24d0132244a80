/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Google does with service accounts: gives a key file, takes assertions that were signed with
 * its key (RFC 7523, RS256) for access tokens, and lets in who has one. There is one account for
 * each server, made when it is first asked for.
 */
#ifndef SLUICE_SIM_GOOGLE_H
#define SLUICE_SIM_GOOGLE_H

#include "base/buf.h"
#include "base/error.h"

#include <openssl/evp.h>

#define SIM_GOOGLE_TOKEN_S 3600

struct sim_google {
    EVP_PKEY *key; /* NULL: nobody asked for the account yet */
    uint64_t seed; /* of tokens */
};

void sim_google_release(struct sim_google *google);
/* Appends the JSON key file, whose token URI is "http://HOST/token". False: no key could be made.
 */
MUST_USE bool sim_google_account(struct sim_google *google, struct slice host, struct buf *out);
/* Takes the form that asks for a token at `host`. Appends the answer; false: *error, whose code is
   that of the answer to be ("invalid_grant" ...). */
MUST_USE bool sim_google_token(const struct sim_google *google, struct slice form,
                               struct slice host, int64_t now_s, struct buf *out,
                               struct error *error);
/* Is it a token that was given and is still good? */
bool sim_google_lets_in(const struct sim_google *google, struct slice token, int64_t now_s);

#endif
