/* Bits against a walk from bit to bit. */
#include "base/random.h"
#include "structures/bits.h"
#include <criterion/criterion.h>
#include <string.h>

enum { SIZE_MAX_TESTED = 300 };

static bool bit_at(struct bytes string, uint64_t position)
{
    if (position / 8 >= string.size)
        return false;
    return (unsigned char)string.data[position / 8] >> (7 - position % 8) & 1;
}

/* Long runs of equal bytes, so that words are skipped, and some noise. */
static struct bytes random_string(struct random_state *random, char *room)
{
    size_t size = random_state_next(random) % SIZE_MAX_TESTED + 1;
    memset(room, random_state_next(random) % 2 ? 0 : 0xff, size);
    for (uint64_t noise = random_state_next(random) % 4; noise > 0; noise--)
        room[random_state_next(random) % size] = (char)random_state_next(random);
    return bytes_of(room, size);
}

Test(bits, counting_and_finding_as_a_walk_does)
{
    struct random_state random;
    random_state_seed(&random, 1);
    for (int round = 0; round < 4000; round++) {
        char room[SIZE_MAX_TESTED];
        struct bytes string = random_string(&random, room);
        uint64_t total = string.size * 8;
        uint64_t first = random_state_next(&random) % total;
        uint64_t last = first + random_state_next(&random) % (total - first);
        uint64_t count = 0;
        uint64_t found[2] = {BITS_NONE, BITS_NONE};
        for (uint64_t i = first; i <= last; i++) {
            bool bit = bit_at(string, i);
            count += bit;
            if (found[bit] == BITS_NONE)
                found[bit] = i;
        }
        cr_assert_eq(bits_count_range(string, first, last), count);
        cr_assert_eq(bits_find(string, false, first, last), found[0]);
        cr_assert_eq(bits_find(string, true, first, last), found[1]);
        cr_assert_eq(bits_count(string), bits_count_range(string, 0, total - 1));
    }
}

static bool combined_bit(enum bits_operation operation, const struct bytes *sources, size_t count,
                         uint64_t position)
{
    bool first = bit_at(sources[0], position);
    size_t others = 0;
    for (size_t i = 1; i < count; i++)
        others += bit_at(sources[i], position);
    switch (operation) {
    case BITS_AND:
        return first && others == count - 1;
    case BITS_OR:
        return first || others;
    case BITS_XOR:
        return (first + others) % 2;
    case BITS_NOT:
        return !first;
    case BITS_DIFF:
        return first && !others;
    case BITS_DIFF1:
        return !first && others;
    case BITS_ANDOR:
        return first && others;
    case BITS_ONE:
        return first + others == 1;
    }
    return false;
}

Test(bits, combining_as_bit_by_bit)
{
    enum { SOURCES = 5, LARGE = 9000 };
    struct random_state random;
    random_state_seed(&random, 2);
    static char rooms[SOURCES][LARGE];
    static char result[LARGE];
    for (int round = 0; round < 300; round++) {
        enum bits_operation operation = (enum bits_operation)(round % 8);
        size_t count = operation == BITS_NOT ? 1 : random_state_next(&random) % SOURCES + 1;
        struct bytes sources[SOURCES];
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            sources[i].size = random_state_next(&random) % (round % 10 ? 70 : LARGE);
            for (size_t k = 0; k < sources[i].size; k++)
                rooms[i][k] = (char)random_state_next(&random);
            sources[i].data = rooms[i];
            size = sources[i].size > size ? sources[i].size : size;
        }
        bits_combine(operation, sources, count, result, size);
        for (uint64_t i = 0; i < size * 8; i++)
            cr_assert_eq(bit_at(bytes_of(result, size), i),
                         combined_bit(operation, sources, count, i));
    }
}

Test(bits, fields_are_read_and_written_anywhere)
{
    enum { SIZE = 40 };
    struct random_state random;
    random_state_seed(&random, 3);
    char data[SIZE] = {0};
    char model[SIZE * 8] = {0};
    for (int round = 0; round < 20000; round++) {
        unsigned width = (unsigned)(random_state_next(&random) % 64) + 1;
        uint64_t position = random_state_next(&random) % (SIZE * 8 - width + 1);
        uint64_t value = random_state_next(&random);
        bits_write_field(data, position, width, value);
        for (unsigned i = 0; i < width; i++)
            model[position + i] = (char)(value >> (width - 1 - i) & 1);
        width = (unsigned)(random_state_next(&random) % 64) + 1;
        position = random_state_next(&random) % (SIZE * 8 + 100);
        uint64_t expected = 0;
        for (unsigned i = 0; i < width; i++)
            expected = expected << 1 |
                       (position + i < SIZE * 8 ? (uint64_t)(unsigned char)model[position + i] : 0);
        cr_assert_eq(bits_read_field(bytes_of(data, SIZE), position, width), expected);
    }
}

struct sum_case {
    struct bits_type type;
    int64_t base;
    int64_t increment;
    int64_t wrapped;
    int64_t saturated;
    bool fits;
};

Test(bits, sums_of_fields_overflow_as_asked)
{
    static const struct sum_case cases[] = {
        {{true, 8}, 127, 1, -128, 127, false},
        {{true, 8}, -128, -1, 127, -128, false},
        {{true, 8}, 100, 27, 127, 127, true},
        {{false, 8}, 255, 1, 0, 255, false},
        {{false, 8}, 0, -1, 255, 0, false},
        {{false, 8}, 300, 0, 44, 255, false},
        {{false, 8}, -1, 0, 255, 255, false},
        {{false, 63}, INT64_MAX, 1, 0, INT64_MAX, false},
        {{false, 63}, INT64_MAX, INT64_MAX, INT64_MAX - 1, INT64_MAX, false},
        {{false, 63}, 0, INT64_MIN, 0, 0, false},
        {{true, 64}, INT64_MAX, 1, INT64_MIN, INT64_MAX, false},
        {{true, 64}, INT64_MIN, -1, INT64_MAX, INT64_MIN, false},
        {{true, 64}, INT64_MIN, INT64_MIN, 0, INT64_MIN, false},
        {{true, 64}, INT64_MIN, INT64_MAX, -1, -1, true},
        {{true, 1}, 0, 1, -1, 0, false},
        {{true, 1}, -1, -1, 0, -1, false},
        {{false, 1}, 1, 1, 0, 1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sum_case *sum = &cases[i];
        int64_t result = 7;
        cr_assert(bits_field_add(sum->type, sum->base, sum->increment, BITS_WRAP, &result));
        cr_assert_eq(result, sum->wrapped, "case %zu", i);
        cr_assert(bits_field_add(sum->type, sum->base, sum->increment, BITS_SATURATE, &result));
        cr_assert_eq(result, sum->saturated, "case %zu", i);
        cr_assert_eq(bits_field_add(sum->type, sum->base, sum->increment, BITS_FAIL, &result),
                     sum->fits, "case %zu", i);
    }
}
