/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block scan for one width of vector: included by scan_vector.h once per instruction set, with
 * VECTOR, VECTOR_BYTES, LOAD, STORE, IS, IS_BREAK, RANGE, OR, AND, MASK, SPLAT and the function's
 * NAME defined. Not a header for anybody else.
 */

/* What nearly every block has. */
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
    m->newline |= MASK(IS(b, '\n')) << shift;
    m->space |= MASK(IS(b, ' ')) << shift;
    m->stop |= MASK(IS(b, '.')) << shift;
    m->comma |= MASK(IS(b, ',')) << shift;
}

/* What is left, all at once: for blocks that have much of it, such as code. */
static inline __attribute__((always_inline)) void
NAME(marks)(const char *at, unsigned shift, struct block_masks *m, uint64_t *apostrophes)
{
    VECTOR b = LOAD(at);
    VECTOR semicolon = IS(b, ';');
    VECTOR compared = OR(OR(IS(b, '='), IS(b, '<')), IS(b, '>'));
    VECTOR open = IS(b, '(');
    /* Setting bit 0x20 makes [ and {, ] and } one; no other byte becomes either of them. */
    VECTOR folded = OR(b, SPLAT(0x20));
    VECTOR brace = OR(IS(folded, '{'), IS(folded, '}'));
    VECTOR stop = OR(OR(IS(b, '!'), IS(b, '?')), IS(b, ':'));
    VECTOR sum = OR(OR(IS(b, '+'), IS(b, '-')), OR(IS(b, '*'), IS(b, '/')));
    VECTOR code = OR(OR(brace, OR(open, IS(b, ')'))), OR(compared, semicolon));
    m->stop |= MASK(stop) << shift;
    m->comma |= MASK(semicolon) << shift;
    m->quote |= MASK(OR(IS(b, '"'), IS(b, '`'))) << shift;
    m->code |= MASK(code) << shift;
    m->formula |= MASK(OR(OR(IS(b, '$'), IS(b, '\\')), IS(b, '^'))) << shift;
    m->arithmetic |= MASK(OR(OR(sum, compared), IS(b, '%'))) << shift;
    m->call |= MASK(open) << shift;
    m->space |= MASK(OR(IS(b, '\t'), IS(b, '\r'))) << shift;
    m->underscore |= MASK(IS(b, '_')) << shift;
    *apostrophes |= MASK(IS(b, '\'')) << shift;
}

static inline __attribute__((always_inline)) void NAME(lower)(char *at)
{
    VECTOR b = LOAD(at);
    STORE(at, OR(b, AND(RANGE(b, 'A', 26), SPLAT(0x20))));
}

static inline void NAME(lower_all)(char *block)
{
    NAME(lower)(block);
    NAME(lower)(block + VECTOR_BYTES);
#if VECTOR_BYTES == 16
    NAME(lower)(block + 32);
    NAME(lower)(block + 48);
#endif
}

/* The masks are gathered in a local, and the steps are written out: the bytes that are stored could
   be anybody's, so masks in memory would be read again and again. Bytes outside of `inside` are
   in no mask and stay as they are. */
static inline __attribute__((always_inline)) void NAME(masks)(char *block, uint64_t inside,
                                                              struct block_masks *masks)
{
    struct block_masks m = {0};
    NAME(words)(block, 0, &m);
    NAME(words)(block + VECTOR_BYTES, VECTOR_BYTES, &m);
#if VECTOR_BYTES == 16
    NAME(words)(block + 32, 32, &m);
    NAME(words)(block + 48, 48, &m);
#endif
    if (inside != UINT64_MAX) {
        masks_clip(&m, inside);
    }
    m.rare = inside & ~(m.word | m.space | m.newline | m.stop | m.comma);
    if (m.rare != 0) {
        uint64_t apostrophes = 0;
        if (bits_count(m.rare) <= MARKS_FEW) {
            block_marks_few(block, m.rare, &m, &apostrophes);
        } else {
            NAME(marks)(block, 0, &m, &apostrophes);
            NAME(marks)(block + VECTOR_BYTES, VECTOR_BYTES, &m, &apostrophes);
#if VECTOR_BYTES == 16
            NAME(marks)(block + 32, 32, &m, &apostrophes);
            NAME(marks)(block + 48, 48, &m, &apostrophes);
#endif
            masks_clip(&m, inside);
        }
        m.word = words_with_apostrophes(m.word | m.underscore, apostrophes & inside);
    }
    if (m.upper != 0 && inside != UINT64_MAX) {
        for (uint64_t rest = m.upper; rest != 0; rest &= rest - 1) {
            block[bits_first(rest)] |= 0x20;
        }
    } else if (m.upper != 0) {
        NAME(lower_all)(block);
    }
    *masks = m;
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
