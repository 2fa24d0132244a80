/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a text that comes in pieces one JSON object (RFC 8259)? Character by character, without the
 * text: for those who pass the pieces on and must know at the end what they were.
 */
#ifndef SLUICE_CODEC_JSON_FOLLOW_H
#define SLUICE_CODEC_JSON_FOLLOW_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_FOLLOW_DEPTH 128u /* of nesting; deeper is broken, as json_parse() has it */

enum json_follow_result {
    JSON_FOLLOW_OPEN,   /* so far; more must come */
    JSON_FOLLOW_WHOLE,  /* an object; only white space may follow */
    JSON_FOLLOW_BROKEN, /* whatever comes */
};

/* Zeroed: nothing has come. */
struct json_follow {
    uint8_t state;
    uint8_t left;                             /* digits of an escape */
    uint8_t depth;                            /* open objects and arrays */
    bool key;                                 /* the string is a member's name */
    const char *rest;                         /* of a literal */
    uint64_t objects[JSON_FOLLOW_DEPTH / 64]; /* which of the open ones are objects */
};

/* The next character; bytes of UTF-8 beyond ASCII may be told as any letter. */
enum json_follow_result json_follow(struct json_follow *f, char c);

/* Of an object that was cut, or is broken further on: the members that came whole, as an object.
 * False: there are none, or no room in *out. */
MUST_USE bool json_mend(struct slice part, struct buf *out);

#endif
