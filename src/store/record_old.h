/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that programs wrote before version 3 of the format, which a journal may still hold: a
 * version byte, identifiers as they are, numbers as LEB128 varints (signed ones zigzag), names with
 * a length before them, all in one fixed order. Only read. Strict: shortest varints, known flags,
 * enumerators in range, no byte left over. Decoded names point into the bytes. Pure; any thread.
 */
#ifndef SLUICE_STORE_RECORD_OLD_H
#define SLUICE_STORE_RECORD_OLD_H

#include "store/record.h"

MUST_USE bool record_old_decode_hold(struct slice bytes, struct hold_record *ret_record);
MUST_USE bool record_old_decode_settle(struct slice bytes, struct settle_record *ret_record);
MUST_USE bool record_old_decode_call(struct slice bytes, struct call_record *ret_record);

#endif
