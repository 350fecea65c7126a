/* quicklist against an array of texts, for several fills and depths. */
#include "base/memory.h"
#include "base/random.h"
#include "structures/quicklist.h"
#include <criterion/criterion.h>
#include <stdio.h>

enum { MODEL_MAX = 1200, TEXT_MAX = 100000 };

struct model {
    struct bytes items[MODEL_MAX];
    size_t count;
};

static void model_insert(struct model *model, size_t at, struct bytes text)
{
    memmove(model->items + at + 1, model->items + at, (model->count - at) * sizeof(text));
    model->items[at] = bytes_of(mem_dup(text.data, text.size + !text.size), text.size);
    model->count++;
}

static void model_delete(struct model *model, size_t at)
{
    mem_free((void *)model->items[at].data);
    model->count--;
    memmove(model->items + at, model->items + at + 1,
            (model->count - at) * sizeof(model->items[0]));
}

static bool value_is(struct listpack_value value, struct bytes text)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    return bytes_equal(listpack_value_text(value, scratch), text);
}

static void expect_same(const struct quicklist *list, const struct model *model, size_t from)
{
    struct quicklist_iterator iterator;
    struct listpack_value value;
    quicklist_check(list);
    cr_assert_eq(quicklist_count(list), model->count);
    size_t i = from;
    quicklist_iterator_init(&iterator, list, (int64_t)from, false);
    for (; quicklist_iterate(&iterator, &value); i++)
        cr_assert(i < model->count && value_is(value, model->items[i]), "at %zu", i);
    cr_assert_eq(i, model->count);
    quicklist_iterator_deinit(&iterator);
    if (model->count == 0)
        return;
    quicklist_iterator_init(&iterator, list, (int64_t)from - (int64_t)model->count, true);
    for (i = from + 1; quicklist_iterate(&iterator, &value); i--)
        cr_assert(i > 0 && value_is(value, model->items[i - 1]), "backward at %zu", i);
    cr_assert_eq(i, 0);
    quicklist_iterator_deinit(&iterator);
}

struct play {
    struct quicklist *list;
    struct model model;
    struct random_state random;
    char *room;
};

static uint64_t next(struct play *play)
{
    return random_state_next(&play->random);
}

/* Few different ones, so that searches find; some of them large. */
static struct bytes random_text(struct play *play)
{
    uint64_t r = next(play) % 100;
    if (r < 30)
        return bytes_of(play->room, number_format_i64(play->room, (int64_t)(next(play) % 20)));
    size_t size = r < 90 ? r % 7 : r < 97 ? 1000 + r * 30 : r == 97 ? 5000 : r == 98 ? 9000 : 70000;
    memset(play->room, (char)('a' + r % 3), size + 1);
    return bytes_of(play->room, size);
}

static void change_insert(struct play *play, size_t at)
{
    struct bytes text = random_text(play);
    if (at == 0 && next(play) % 2)
        quicklist_push_head(play->list, text);
    else if (at == play->model.count && next(play) % 2)
        quicklist_push_tail(play->list, text);
    else
        quicklist_insert_at(play->list, at, text);
    model_insert(&play->model, at, text);
}

static void change_insert_beside(struct play *play)
{
    struct model *model = &play->model;
    struct bytes pivot = random_text(play);
    bool after = next(play) % 2;
    size_t at = 0;
    while (at < model->count && !bytes_equal(model->items[at], pivot))
        at++;
    bool found = at < model->count;
    cr_assert_eq(quicklist_insert(play->list, pivot, BYTES_LITERAL("beside"), after), found);
    if (found)
        model_insert(model, at + after, BYTES_LITERAL("beside"));
}

static void change_remove(struct play *play)
{
    struct model *model = &play->model;
    struct bytes text = random_text(play);
    size_t count = next(play) % 4;
    bool from_tail = next(play) % 2;
    size_t removed = 0;
    for (size_t step = 0, i = 0; step < model->count && removed < count; step++) {
        i = from_tail ? model->count - 1 - step : step;
        if (bytes_equal(model->items[i], text)) {
            model_delete(model, i);
            removed++;
            step -= 1;
        }
    }
    cr_assert_eq(quicklist_remove(play->list, text, count, from_tail), removed);
}

static void change(struct play *play)
{
    struct model *model = &play->model;
    uint64_t action = next(play) % 20;
    if (model->count == 0 || (action < 8 && model->count < MODEL_MAX - 1)) {
        change_insert(play, action < 3   ? 0
                            : action < 6 ? model->count
                                         : next(play) % (model->count + 1));
    } else if (action < 11 && model->count < MODEL_MAX - 1) {
        change_insert_beside(play);
    } else if (action < 14) {
        change_remove(play);
    } else if (action < 18) {
        size_t at = next(play) % model->count;
        struct bytes text = random_text(play);
        cr_assert(quicklist_replace(
            play->list, next(play) % 2 ? (int64_t)at : (int64_t)at - (int64_t)model->count, text));
        model_delete(model, at);
        model_insert(model, at, text);
    } else {
        size_t at = next(play) % model->count;
        size_t count = next(play) % 40;
        size_t expected = count < model->count - at ? count : model->count - at;
        cr_assert_eq(quicklist_delete_range(play->list, at, count), expected);
        while (expected--)
            model_delete(model, at);
    }
}

static void play_with(int fill, int depth, uint64_t seed)
{
    struct play play = {.list = quicklist_create(fill, depth), .room = mem_alloc(TEXT_MAX)};
    random_state_seed(&play.random, seed);
    for (int i = 0; i < 60; i++) {
        struct bytes text = random_text(&play);
        quicklist_push_tail(play.list, text);
        model_insert(&play.model, play.model.count, text);
    }
    for (int step = 0; step < 500; step++) {
        change(&play);
        if (step % 8 == 0)
            expect_same(play.list, &play.model,
                        play.model.count ? next(&play) % play.model.count : 0);
    }
    expect_same(play.list, &play.model, 0);
    struct quicklist *copy = quicklist_copy(play.list);
    expect_same(copy, &play.model, 0);
    cr_assert_gt(quicklist_memory(copy, 0), 0);
    quicklist_free(copy);
    cr_assert_not(quicklist_replace(play.list, (int64_t)play.model.count, BYTES_LITERAL("x")));
    cr_assert_not(quicklist_replace(play.list, -(int64_t)play.model.count - 1, BYTES_LITERAL("x")));
    cr_assert_eq(quicklist_delete_range(play.list, play.model.count, 5), 0);
    while (play.model.count)
        model_delete(&play.model, play.model.count - 1);
    quicklist_free(play.list);
    mem_free(play.room);
}

Test(quicklist, random_changes)
{
    static const int fills[] = {-2, -1, -5, 0, 1, 4, 32};
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++)
        for (int depth = 0; depth <= 3; depth++)
            play_with(fills[i], depth, i * 10 + (size_t)depth);
}

Test(quicklist, inner_nodes_are_compressed)
{
    struct quicklist *list = quicklist_create(-2, 1);
    char text[100];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 1000; i++)
        quicklist_push_head(list, bytes_of(text, sizeof(text)));
    quicklist_check(list);
    cr_assert_gt(list->nodes, 10);
    cr_assert_eq(list->head->compressed_size, 0);
    cr_assert_eq(list->tail->compressed_size, 0);
    for (struct quicklist_node *node = list->head->next; node != list->tail; node = node->next)
        cr_assert(node->compressed_size > 0 && node->compressed_size < node->size / 4);
    quicklist_free(list);
}

Test(quicklist, limits_of_nodes)
{
    cr_assert_not(quicklist_exceeds(-2, 8192, 100000));
    cr_assert(quicklist_exceeds(-2, 8193, 1));
    cr_assert(quicklist_exceeds(-1, 4097, 1));
    cr_assert_not(quicklist_exceeds(-50, 65536, 1));
    cr_assert_not(quicklist_exceeds(10, 8192, 10));
    cr_assert(quicklist_exceeds(10, 8193, 10));
    cr_assert(quicklist_exceeds(10, 100, 11));
    cr_assert_not(quicklist_exceeds(0, 100, 1));
    cr_assert(quicklist_exceeds(0, 100, 2));
}

Test(quicklist, becomes_a_listpack)
{
    struct quicklist *list = quicklist_create(-2, 0);
    struct listpack *pack = listpack_create(0);
    listpack_append(&pack, BYTES_LITERAL("a"));
    quicklist_append_pack(list, pack);
    quicklist_push_tail(list, BYTES_LITERAL("b"));
    pack = quicklist_take_pack(list);
    quicklist_free(list);
    cr_assert_eq(listpack_count(pack), 2);
    listpack_free(pack);
}
