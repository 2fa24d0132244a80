/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as bytes: a version byte, the identifier, numbers of fixed width (the lowest byte first),
 * then names with a length byte before each. They take half as much room again as varints did; to
 * write one costs half of the instructions, to read one a fifth. The encoder cuts names that are
 * too long (between two UTF-8 characters); the decoder is strict: known flags, enumerators in
 * range, no byte left over. Decoded names point into the bytes. Version 4 has more behind what
 * version 3 had. Records of older versions are decoded, too. Pure; any thread.
 */
#ifndef SLUICE_STORE_RECORD_CODEC_H
#define SLUICE_STORE_RECORD_CODEC_H

#include "store/record.h"

#define RECORD_VERSION 4
#define RECORD_VERSION_3 3 /* 1 and 2: see record_old.h */
#define RECORD_NAME_MAX 255
#define RECORD_LOSS_MAX 1023
/* No encoded record is longer, of whatever version: 10 names, a loss, an identifier, 48 varints of
   10 bytes, and the candidates. */
#define RECORD_BYTES_MAX                                                                           \
    (1 + 16 + 10 * (RECORD_NAME_MAX + 2) + RECORD_LOSS_MAX + 2 + 48 * 10 +                         \
     CANDIDATES_MAX * CANDIDATE_BYTES)
/* A settle and a call in one. */
#define RECORD_PAIR_BYTES_MAX (2 * RECORD_BYTES_MAX + 10)

/* `out` has room for RECORD_BYTES_MAX (pair: RECORD_PAIR_BYTES_MAX); returns the bytes used. */
size_t record_encode_hold(const struct hold_record *record, char *out);
size_t record_encode_settle(const struct settle_record *record, char *out);
size_t record_encode_call(const struct call_record *record, char *out);
size_t record_encode_pair(const struct settle_record *settle, const struct call_record *call,
                          char *out);
/* Without its identifier, which decoding computes again. */
size_t record_encode_offer(const struct offer *offer, char *out);

/* False: not the exact encoding of a record; *ret_record is then unspecified. */
MUST_USE bool record_decode_hold(struct slice bytes, struct hold_record *ret_record);
MUST_USE bool record_decode_settle(struct slice bytes, struct settle_record *ret_record);
MUST_USE bool record_decode_call(struct slice bytes, struct call_record *ret_record);
MUST_USE bool record_decode_pair(struct slice bytes, struct settle_record *ret_settle,
                                 struct call_record *ret_call);
MUST_USE bool record_decode_offer(struct slice bytes, struct offer *ret_offer);

#endif
