/* Fuzz target of dict, expiry_index, ranked_tree, quicklist, bits and geohash (libFuzzer's
 * signature). The first byte chooses the structure, the rest are operations: three bytes each, what
 * to do and with which of few names, so that collisions, equal times and equal scores are common.
 * Each is compared with a model that is an array, and checked.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN; gcc: the main below runs random operations,
 * and files named as arguments.
 */
#include "base/assert.h"
#include "base/memory.h"
#include "base/random.h"
#include "structures/bits.h"
#include "structures/dict.h"
#include "structures/expiry_index.h"
#include "structures/geohash.h"
#include "structures/quicklist.h"
#include "structures/ranked_tree.h"
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NAMES = 256, OPERATION_SIZE = 3, CHECK_EVERY = 16 };

/* -- dict: entries are addresses in `names`; few hashes, so that buckets are chained -- */

static char names[NAMES];

static size_t name_of(const void *entry)
{
    return (size_t)((const char *)entry - names);
}

static uint64_t hash_of_name(size_t name)
{
    return (uint64_t)(name % 7) << 56 | name / 3;
}

static uint64_t hash_entry(const void *entry)
{
    return hash_of_name(name_of(entry));
}

static bool entry_matches(const void *entry, struct bytes key)
{
    return (const char *)entry == key.data;
}

static void count_visit(void *context, void *entry)
{
    ((uint8_t *)context)[name_of(entry)]++;
}

static void expect_scan_sees_all(const struct dict *dict, const bool *exists)
{
    uint8_t seen[NAMES] = {0};
    uint64_t cursor = 0;
    do {
        cursor = dict_scan(dict, cursor, count_visit, seen);
    } while (cursor);
    for (size_t i = 0; i < NAMES; i++)
        assert((seen[i] > 0) == exists[i]);
}

static void use_dict(const uint8_t *data, size_t size)
{
    static const struct dict_type type = {hash_entry, entry_matches, NULL};
    bool exists[NAMES] = {false};
    size_t count = 0;
    struct dict dict;
    dict_init(&dict, &type);
    for (size_t at = 0; at + OPERATION_SIZE <= size; at += OPERATION_SIZE) {
        size_t name = data[at + 1];
        uint64_t hash = hash_of_name(name);
        struct bytes key = bytes_of(&names[name], 1);
        assert((dict_find(&dict, hash, key) != NULL) == exists[name]);
        if (data[at] % 8 < 4 && !exists[name]) {
            dict_add(&dict, hash, &names[name]);
            exists[name] = true;
            count++;
        } else if (data[at] % 8 < 6 && exists[name]) {
            assert(dict_remove(&dict, hash, key) == &names[name]);
            exists[name] = false;
            count--;
        } else if (data[at] % 8 == 6) {
            dict_resize_if_needed(&dict);
            dict_rehash(&dict, data[at + 2]);
        } else {
            dict_set_resize(&dict, data[at + 2] & 1 ? DICT_RESIZE_ALLOWED : DICT_RESIZE_AVOIDED);
        }
        assert(dict_count(&dict) == count);
        assert((dict_random(&dict) != NULL) == (count > 0));
        if (at / OPERATION_SIZE % CHECK_EVERY == 0) {
            dict_check(&dict);
            expect_scan_sees_all(&dict, exists);
        }
    }
    dict_deinit(&dict);
}

/* -- expiry_index -- */

static const int64_t base_ms = 1700000000000;

static void use_expiry_index(const uint8_t *data, size_t size)
{
    static uint32_t model[NAMES * NAMES]; /* how many of each (time, hash) */
    memset(model, 0, sizeof(model));
    size_t count = 0;
    struct expiry_index index;
    expiry_index_init(&index);
    for (size_t at = 0; at + OPERATION_SIZE <= size; at += OPERATION_SIZE) {
        int64_t time = base_ms + data[at + 1] * EXPIRY_UNIT_MS;
        uint64_t hash = data[at + 2];
        uint32_t *known = &model[data[at + 1] * NAMES + data[at + 2]];
        if (data[at] % 8 < 5) {
            expiry_index_add(&index, time, hash);
            count++;
            (*known)++;
        } else {
            assert(expiry_index_remove(&index, time, hash) == (*known > 0));
            count -= *known > 0;
            *known -= *known > 0;
        }
        assert(expiry_index_count(&index) == count);
        struct expiry_item first;
        struct expiry_item last;
        assert((expiry_index_first(&index, &first, 1) > 0) == (count > 0));
        assert(expiry_index_last(&index, &last) == (count > 0));
        assert(count == 0 || first.unit <= last.unit);
        if (at / OPERATION_SIZE % CHECK_EVERY == 0)
            expiry_index_check(&index);
    }
    expiry_index_deinit(&index);
}

/* -- ranked_tree -- */

/* Whether a stands before b. */
static bool is_before(const struct ranked_element *a, const struct ranked_element *b)
{
    if (a->score != b->score)
        return a->score < b->score;
    return bytes_compare(ranked_element_member(a), ranked_element_member(b)) < 0;
}

static void expect_rank(const struct ranked_tree *tree, struct ranked_element *const *elements,
                        const struct ranked_element *element)
{
    size_t rank = 0;
    for (size_t i = 0; i < NAMES; i++)
        rank += elements[i] && is_before(elements[i], element);
    assert(ranked_tree_rank(tree, element) == rank);
    assert(ranked_tree_at(tree, rank) == element);
}

static void use_ranked_tree(const uint8_t *data, size_t size)
{
    struct ranked_element *elements[NAMES] = {NULL};
    struct ranked_tree tree;
    ranked_tree_init(&tree);
    for (size_t at = 0; at + OPERATION_SIZE <= size; at += OPERATION_SIZE) {
        struct ranked_element **element = &elements[data[at + 1]];
        double score = (double)(data[at + 2] % 16) - 8;
        if (!*element) {
            *element = ranked_element_create(score, bytes_of(&data[at + 1], 1));
            ranked_tree_insert(&tree, *element);
        } else if (data[at] % 4 == 0) {
            ranked_tree_remove(&tree, *element);
            mem_free(*element);
            *element = NULL;
        } else {
            ranked_tree_set_score(&tree, *element, score);
        }
        if (*element)
            expect_rank(&tree, elements, *element);
        if (at / OPERATION_SIZE % CHECK_EVERY == 0)
            ranked_tree_check(&tree);
    }
    ranked_tree_deinit(&tree);
}

/* -- quicklist: elements are a size and a letter -- */

enum { ELEMENTS_MAX = 200, ELEMENT_SIZE_MAX = 3000 };

struct list_model {
    uint16_t sizes[ELEMENTS_MAX];
    uint8_t letters[ELEMENTS_MAX];
    size_t count;
};

static void model_insert(struct list_model *model, size_t at, uint16_t size, uint8_t letter)
{
    size_t behind = model->count++ - at;
    memmove(&model->sizes[at + 1], &model->sizes[at], behind * sizeof(model->sizes[0]));
    memmove(&model->letters[at + 1], &model->letters[at], behind);
    model->sizes[at] = size;
    model->letters[at] = letter;
}

static void model_delete(struct list_model *model, size_t at)
{
    size_t behind = --model->count - at;
    memmove(&model->sizes[at], &model->sizes[at + 1], behind * sizeof(model->sizes[0]));
    memmove(&model->letters[at], &model->letters[at + 1], behind);
}

static void expect_same(const struct quicklist *list, const struct list_model *model)
{
    quicklist_check(list);
    assert(quicklist_count(list) == model->count);
    struct listpack_value value;
    struct quicklist_iterator iterator;
    size_t i = 0;
    quicklist_iterator_init(&iterator, list, 0, false);
    for (; quicklist_iterate(&iterator, &value); i++) {
        assert(value.data && value.size == model->sizes[i]);
        assert((uint8_t)value.data[0] == model->letters[i]);
        assert((uint8_t)value.data[value.size - 1] == model->letters[i]);
    }
    quicklist_iterator_deinit(&iterator);
    assert(i == model->count);
}

static void use_quicklist(const uint8_t *data, size_t size)
{
    static char text[ELEMENT_SIZE_MAX];
    struct list_model model = {.count = 0};
    struct quicklist *list = quicklist_create(data[0] & 2 ? -1 : 3, data[0] & 1);
    for (size_t at = 0; at + OPERATION_SIZE <= size; at += OPERATION_SIZE) {
        uint16_t length = (uint16_t)(1 + data[at + 1] * data[at + 1] % ELEMENT_SIZE_MAX);
        uint8_t letter = (uint8_t)('a' + data[at + 1] % 26);
        size_t index = model.count ? data[at + 2] % model.count : 0;
        memset(text, letter, length);
        if (model.count < ELEMENTS_MAX - 1 && data[at] % 4 < 2) {
            quicklist_insert_at(list, index, bytes_of(text, length));
            model_insert(&model, index, length, letter);
        } else if (model.count && data[at] % 4 == 2) {
            assert(quicklist_replace(list, (int64_t)index, bytes_of(text, length)));
            model.sizes[index] = length;
            model.letters[index] = letter;
        } else if (model.count) {
            assert(quicklist_delete_range(list, index, 1) == 1);
            model_delete(&model, index);
        }
        if (at / OPERATION_SIZE % CHECK_EVERY == 0)
            expect_same(list, &model);
    }
    expect_same(list, &model);
    quicklist_free(list);
}

/* -- bits, geohash -- */

static bool bit_at(struct bytes string, uint64_t bit)
{
    return (uint8_t)string.data[bit / 8] >> (7 - bit % 8) & 1;
}

static void use_bits(const uint8_t *data, size_t size)
{
    struct bytes string = bytes_of(data, size);
    if (size < OPERATION_SIZE)
        return;
    uint64_t bits = size * 8;
    uint64_t first = (data[0] | (uint64_t)data[1] << 8) % bits;
    uint64_t last = first + data[2] * 3U < bits ? first + data[2] * 3U : bits - 1;
    uint64_t count = 0;
    uint64_t found[2] = {BITS_NONE, BITS_NONE};
    for (uint64_t i = first; i <= last; i++) {
        bool value = bit_at(string, i);
        count += value;
        if (found[value] == BITS_NONE)
            found[value] = i;
    }
    assert(bits_count_range(string, first, last) == count);
    assert(bits_find(string, false, first, last) == found[0]);
    assert(bits_find(string, true, first, last) == found[1]);
    unsigned width = 1 + data[2] % 64;
    if (first + width > bits)
        return;
    uint64_t field = bits_read_field(string, first, width);
    for (unsigned i = 0; i < width; i++)
        assert((field >> (width - 1 - i) & 1) == bit_at(string, first + i));
    char *copy = mem_dup(data, size);
    bits_write_field(copy, first, width, ~field);
    for (uint64_t i = 0; i < bits; i++)
        assert(bit_at(bytes_of(copy, size), i) ==
               (bit_at(string, i) != (i >= first && i < first + width)));
    mem_free(copy);
}

static void use_geohash(const uint8_t *data, size_t size)
{
    double score;
    for (size_t at = 0; at + sizeof(score) <= size; at += sizeof(score)) {
        char text[GEO_TEXT_SIZE + 1];
        memcpy(&score, data + at, sizeof(score));
        struct geo_position position = geo_position_of(score);
        assert(geo_is_valid(position));
        assert(geo_distance(position, geo_position_of(geo_score(position))) < 1);
        geo_text(position, text);
        assert(strlen(text) == GEO_TEXT_SIZE);
        struct geo_area area = {
            .center = position, .radius = (double)data[at] * data[at], .metres = 1000};
        struct geo_square squares[GEO_COVER_MAX];
        double distance;
        geo_area_cover(&area, squares);
        assert(geo_area_has(&area, position, &distance) && distance == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const uses[])(const uint8_t *data, size_t size) = {
        use_dict, use_expiry_index, use_ranked_tree, use_quicklist, use_bits, use_geohash};
    if (size < 2)
        return 0;
    /* A copy of exactly the bytes, so that a sanitizer sees what is outside. */
    uint8_t *exact = mem_dup(data + 1, size - 1);
    uses[data[0] % (sizeof(uses) / sizeof(uses[0]))](exact, size - 1);
    mem_free(exact);
    return 0;
}

#ifndef FUZZ_NO_MAIN
int main(int argc, char **argv)
{
    enum { ROUNDS = 1200, SIZE_LIMIT = 6000 };
    static uint8_t room[1 << 20];
    struct random_state random;
    random_state_seed(&random, 7);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t size = 2 + random_state_next(&random) % SIZE_LIMIT;
        bool repeats = random_state_next(&random) % 2; /* few names */
        for (size_t i = 1; i < size; i++)
            room[i] = (uint8_t)(random_state_next(&random) >> (repeats ? 61 : 56));
        room[0] = (uint8_t)round;
        LLVMFuzzerTestOneInput(room, size);
    }
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            continue;
        size_t size = fread(room, 1, sizeof(room), file);
        fclose(file);
        LLVMFuzzerTestOneInput(room, size);
    }
    printf("fuzz_structures: done\n");
    return 0;
}
#endif
