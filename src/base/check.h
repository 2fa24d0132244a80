/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiler attributes and the one assertion. Three kinds of wrong are kept apart everywhere: the
 * caller's fault is a struct error, the environment's fault is a struct error with a retry class,
 * and our own bug is CHECK(), which stays on in release builds. Input from outside never reaches a
 * CHECK().
 */
#ifndef SLUICE_BASE_CHECK_H
#define SLUICE_BASE_CHECK_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
/* Of a function that is called where something is wrong, or seldom: a compiler prepares nothing for
   such calls on the way of all others. */
#define RARELY __attribute__((cold))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Prints where and what to stderr, then aborts. For bugs of ours only. */
RARELY NO_RETURN void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (UNLIKELY(!(condition))) {                                                              \
            check_failed(__FILE__, __LINE__, #condition);                                          \
        }                                                                                          \
    } while (0)

#endif
