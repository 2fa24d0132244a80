/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of those who come with a token of an identity provider. A subject has a key of its own in
 * the database, made when it is first seen and found by a digest of issuer and subject; no secret
 * opens it. So its limits, its spending, its being revoked or blocked, and reports by key are those
 * of any other key. Its name is "jwt:" and the subject, or, where that is too long or taken, "jwt:"
 * and digits of the digest.
 */
#ifndef SLUICE_STORE_KEY_SUBJECT_H
#define SLUICE_STORE_KEY_SUBJECT_H

#include "store/key_change.h"

#define KEY_SUBJECT_NAME "jwt:" /* what names of such keys begin with, and of no others */
#define KEY_SUBJECT_PREFIX "jwt-"

struct subject_order {
    struct slice issuer;
    struct slice subject;
    struct slice scopes[SCOPE_KINDS]; /* names as in key_order; [SCOPE_KEY] is not looked at */
};

struct subject {
    uint64_t scopes[SCOPE_KINDS]; /* [SCOPE_KEY]: its key's id */
};

/* The subject's key in the set, NULL: it has none yet. Only "issuer" and "subject" are looked at.
 */
const struct key *key_set_subject(const struct key_set *set, const struct subject_order *order);
/* The ids of key and scopes; false: something of it is not in the set yet. */
MUST_USE bool key_set_subject_scopes(const struct key_set *set, const struct subject_order *order,
                                     struct subject *ret_subject);
/*
 * The same from the database at `path`, where what is missing is made: the key, with the scopes
 * that the order names, and scopes that nobody has named before (*ret_made: something was). A key
 * that is there stays as it is. Errors: as key_create()'s.
 */
MUST_USE bool key_subject_obtain(const char *path, const struct subject_order *order,
                                 const struct key_actor *actor, struct subject *ret_subject,
                                 bool *ret_made, struct error *error);
/* Is it such a key? */
bool key_is_subject(const struct key *key);

#endif
