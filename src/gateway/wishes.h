/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's wishes: x-sluice-* headers, the `sluice` object of the body and OpenRouter's
 * `provider` object, read into constraints. A wish that is not understood is an error, never
 * ignored.
 */
#ifndef SLUICE_GATEWAY_WISHES_H
#define SLUICE_GATEWAY_WISHES_H

#include "gateway/decide.h"

MUST_USE bool wishes_read_headers(const struct http_request *request, struct decision *decision,
                                  struct error *error);
MUST_USE bool wishes_read_body(const struct chat *chat, struct arena *arena,
                               struct decision *decision, struct error *error);
/* OpenRouter's `provider` object and the suffixes :floor and :nitro. */
MUST_USE bool wishes_read_preferences(const struct chat *chat, struct arena *arena,
                                      struct decision *decision, struct error *error);

#endif
