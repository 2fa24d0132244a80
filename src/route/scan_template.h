/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block scan for one width of vector: included by scan_vector.h once per instruction set, with
 * VECTOR, VECTOR_BYTES, LOAD, STORE, IS, IS_BREAK, RANGE, OR, AND, MASK, SPLAT and the function's
 * NAME defined. Not a header for anybody else.
 */

static inline __attribute__((always_inline)) void NAME(words)(const char *at, unsigned shift,
                                                              struct block_masks *m)
{
    VECTOR b = LOAD(at);
    VECTOR letter = RANGE(OR(b, SPLAT(0x20)), 'a', 26);
    VECTOR digit = RANGE(b, '0', 10);
    /* A mask is made of sign bits, so the text itself stands for the bytes of other scripts. */
    m->word |= MASK(OR(OR(letter, digit), b)) << shift;
    m->upper |= MASK(RANGE(b, 'A', 26)) << shift;
    m->digit |= MASK(digit) << shift;
    m->high |= MASK(b) << shift;
    m->space |= MASK(IS(b, ' ')) << shift;
}

static inline __attribute__((always_inline)) void NAME(lower)(char *at)
{
    VECTOR b = LOAD(at);
    STORE(at, OR(b, AND(RANGE(b, 'A', 26), SPLAT(0x20))));
}

/* memset() would become a string instruction, which takes its time to start. */
static inline __attribute__((always_inline)) void NAME(clear)(uint64_t of[MARKS + 1])
{
    for (unsigned i = 0; i < (MARKS + 1) * sizeof(of[0]); i += VECTOR_BYTES) {
        STORE((char *)of + i, SPLAT(0));
    }
}

/* The masks are gathered in a local, and the steps are written out: the bytes that are stored could
   be anybody's, so masks in memory would be read again and again. Bytes outside of `inside` are
   in no mask and stay as they are. */
static inline __attribute__((always_inline)) bool NAME(masks)(char *block, uint64_t inside,
                                                              struct block_masks *masks)
{
    struct block_masks m UNINITIALIZED;
    m.word = m.upper = m.digit = m.high = m.space = 0;
    NAME(words)(block, 0, &m);
    NAME(words)(block + VECTOR_BYTES, VECTOR_BYTES, &m);
#if VECTOR_BYTES == 16
    NAME(words)(block + 32, 32, &m);
    NAME(words)(block + 48, 48, &m);
#endif
    if (inside != UINT64_MAX) {
        masks_clip(&m, inside);
        lower_some(block, m.upper);
    } else if (m.upper != 0) {
        NAME(lower)(block);
        NAME(lower)(block + VECTOR_BYTES);
#if VECTOR_BYTES == 16
        NAME(lower)(block + 32);
        NAME(lower)(block + 48);
#endif
    }
    masks->word = m.word;
    masks->upper = m.upper;
    masks->digit = m.digit;
    masks->high = m.high;
    masks->space = m.space;
    NAME(clear)(masks->of);
    return block_marks(block, inside, masks);
}

/* Offset of the first end of a line, quote or question mark within `len` bytes, or `len`. Reads up
   to 63 bytes beyond them. */
static inline size_t NAME(find)(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i += SCAN_BLOCK) {
        uint64_t found = 0;
        for (unsigned j = 0; j < SCAN_BLOCK; j += VECTOR_BYTES) {
            found |= MASK(IS_BREAK(LOAD(text + i + j))) << j;
        }
        if (found != 0) {
            size_t at = i + bits_first(found);
            return at < len ? at : len;
        }
    }
    return len;
}
