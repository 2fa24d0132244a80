/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service at another price than the usual one: vendors charge multiples of it for being served
 * first or faster, or in one region (docs/guides/ledger.md). Pure.
 */
#ifndef SLUICE_DIALECT_SERVICE_H
#define SLUICE_DIALECT_SERVICE_H

#include "model/chat.h"

/* The member (a literal) that asks for more than what the usual price pays for, or NULL ptr. Words
 * that nobody here knows do. `whole`: members go upstream that the canonical form has no place for.
 */
struct slice chat_dear_service(const struct chat *chat, bool whole);

#endif
