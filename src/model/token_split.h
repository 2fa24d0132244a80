/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces that a tokenizer merges within: what its regular expression matches, one match after
 * another, written by hand. The expressions are those of tiktoken; every byte of a text belongs to
 * a piece. Bytes that are not UTF-8 count as characters of no class, each by itself.
 */
#ifndef SLUICE_MODEL_TOKEN_SPLIT_H
#define SLUICE_MODEL_TOKEN_SPLIT_H

#include "base/slice.h"
#include "model/unicode_class.h"

/* Where the piece that begins at `at` (before the end) ends. Linear in the text, all pieces
 * together. */
size_t token_split_cl100k(const struct unicode_classes *classes, struct slice text, size_t at);
size_t token_split_o200k(const struct unicode_classes *classes, struct slice text, size_t at);

#endif
