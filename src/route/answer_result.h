/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer comes down to, so that two of them can be compared: the last number of its last
 * line, or the words of an answer that has only a few. Pure; linear; no allocation.
 */
#ifndef SLUICE_ROUTE_ANSWER_RESULT_H
#define SLUICE_ROUTE_ANSWER_RESULT_H

#include "base/slice.h"

/* 0: that cannot be said of this text. Equal for "The answer is $1,200.00." and "#### 1200", and
 * for "Yes." and "yes". */
uint64_t answer_result(struct slice text);

#endif
