/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is noted of a head (struct http_note) beside its endpoint, so that it is looked for once and
 * not with each request that comes with the same head. Each function that notes a bit asks for it
 * first; none of the bits depends on the configuration.
 */
#ifndef SLUICE_GATEWAY_HEAD_NOTE_H
#define SLUICE_GATEWAY_HEAD_NOTE_H

#include "net/http.h"

enum head_note {
    HEAD_ONE_SECRET = 1u << 0,  /* request_secret_ambiguous() is false */
    HEAD_NOT_ENCODED = 1u << 1, /* request_is_encoded() is false */
    HEAD_HAS_SECRET = 1u << 2,  /* the note's text is what request_secret() returns */
    HEAD_OF_NO_PAGE = 1u << 3,  /* no web page of another site sends it: see handler.c */
    HEAD_NO_ORIGIN = 1u << 4,
    HEAD_WISHES_NONE = 1u << 5, /* there is no header x-sluice-... */
};

#endif
