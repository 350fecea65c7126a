/* INFO: registered sections in the order of their positions, and the choice among them. */
#include "observability/info.h"

#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

struct registered {
    const struct info_section *section;
    const void *context;
};

struct info {
    struct registered sections[INFO_SECTIONS_MAX];
    int count;
    struct {
        void (*reset)(void *context);
        void *context;
    } resets[INFO_RESETS_MAX];
    int reset_count;
};

struct info *info_create(void)
{
    return mem_calloc(1, sizeof(struct info));
}

void info_destroy(struct info *info)
{
    mem_free(info);
}

/* Sections of one position stay in the order in which they came. */
void info_register(struct info *info, const struct info_section *section, const void *context)
{
    assert(info->count < INFO_SECTIONS_MAX);
    int index = info->count++;
    while (index > 0 && info->sections[index - 1].section->position > section->position) {
        info->sections[index] = info->sections[index - 1];
        index--;
    }
    info->sections[index] = (struct registered){section, context};
}

/* The flags that these words ask for as groups of sections. */
static unsigned wanted_flags(int argc, const struct bytes *argv)
{
    unsigned flags = argc == 0 ? INFO_DEFAULT : 0;
    for (int i = 0; i < argc; i++) {
        if (bytes_is(argv[i], "default"))
            flags |= INFO_DEFAULT;
        else if (bytes_is(argv[i], "all"))
            flags |= INFO_ALL;
        else if (bytes_is(argv[i], "everything"))
            flags |= INFO_EVERYTHING;
    }
    return flags;
}

static bool is_named(const struct info_section *section, int argc, const struct bytes *argv)
{
    for (int i = 0; i < argc; i++)
        if (bytes_is(argv[i], section->name))
            return true;
    return false;
}

static void write_fields(const struct registered *registered, struct buffer *out)
{
    const struct info_section *section = registered->section;
    for (size_t i = 0; i < section->count; i++) {
        const struct info_field *field = &section->fields[i];
        if (field->name)
            buffer_printf(out, "%s:", field->name);
        field->write(out, registered->context);
        if (field->name)
            buffer_append_text(out, "\r\n");
    }
}

void info_write(const struct info *info, int argc, const struct bytes *argv, struct buffer *out)
{
    unsigned flags = wanted_flags(argc, argv);
    const char *previous = NULL;
    for (int i = 0; i < info->count; i++) {
        const struct info_section *section = info->sections[i].section;
        if (!(section->flags & flags) && !is_named(section, argc, argv))
            continue;
        if (!previous || strcmp(previous, section->title) != 0)
            buffer_printf(out, "%s# %s\r\n", previous ? "\r\n" : "", section->title);
        previous = section->title;
        write_fields(&info->sections[i], out);
    }
}

void info_on_reset(struct info *info, void (*reset)(void *context), void *context)
{
    assert(info->reset_count < INFO_RESETS_MAX);
    info->resets[info->reset_count].reset = reset;
    info->resets[info->reset_count++].context = context;
}

void info_reset(struct info *info)
{
    for (int i = 0; i < info->reset_count; i++)
        info->resets[i].reset(info->resets[i].context);
}
