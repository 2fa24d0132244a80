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
/* Those that requests in this dialect cannot say: never any in the chat's own. */
unsigned wishes_missing(const struct chat *chat, enum dialect_id target);
/* Is there a tool that every dialect can be told of, and that the choice allows? */
bool wishes_has_tool(const struct chat *chat);
/* DIALECT_BIT()s of those that know the chat's operation and miss nothing, or, with `emulated`,
   nothing that cannot be made good (emulate.h). */
unsigned wishes_speakers(const struct chat *chat, bool emulated);
/* For writers of requests. False: "untranslatable", with the member that asks for what this dialect
   lacks. */
MUST_USE bool wishes_check(const struct chat *chat, enum dialect_id target, struct error *error);

#endif
