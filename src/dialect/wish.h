/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks for that not every dialect has a word for, and that no answer is right
 * without: who cannot say it is not asked. (What an answer can do without is a loss, see
 * model/loss.h.)
 */
#ifndef SLUICE_DIALECT_WISH_H
#define SLUICE_DIALECT_WISH_H

#include "dialect/dialect.h"

/* WISH_BIT()s. */
unsigned wishes_of(const struct chat *chat);
/* DIALECT_BIT()s of those that know the operation and lack none of these. */
unsigned wishes_speakers(unsigned wishes, enum operation operation);
/* For writers of requests. False: "untranslatable", with the member that asks for what this dialect
   lacks. */
MUST_USE bool wishes_check(const struct chat *chat, enum dialect_id target, struct error *error);

#endif
