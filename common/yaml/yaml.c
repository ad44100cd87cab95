#include "common/yaml/yaml.h"

#include "common/base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* What a node stands for once aliases and merge keys are written out; counted, never built. */
struct node {
    struct lk_yaml_node shown; /* first: children are reached through pointers to it */
    size_t              expanded;
    unsigned            height;
    bool                owns_text;
    bool                is_alias;
};

struct anchor {
    char              *name;
    const struct node *node;
    bool               complete; /* false while inside of what it names */
    struct anchor     *older;
};

struct lk_yaml {
    struct node   *nodes; /* of LK_YAML_NODES_MAX, so that pointers into it stay */
    size_t         node_count;
    size_t         expanded; /* all nodes, with every use of an alias counted in full */
    struct anchor *anchors;  /* newest first: a later one of the same name hides the earlier */
};

struct reader {
    yaml_parser_t   parser;
    yaml_event_t    event; /* the current one; owned */
    struct lk_yaml *yaml;
    struct lk_str   bytes;
    const char     *name;
    struct lk_err  *err;

    struct lk_yaml_problems *problems; /* or NULL */
};

#define refuse(reader, kind, line, format, ...) \
    lk_err_set((reader)->err, kind, "%s:%u: " format, (reader)->name, line, ##__VA_ARGS__)

static void close_reader(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
}

static unsigned line_of_event(const struct reader *reader)
{
    return (unsigned)reader->event.start_mark.line + 1;
}

/* libyaml's reader reports an offset only, its scanner and parser a line. */
static unsigned line_of_problem(const struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    unsigned             line = 1;

    if (parser->error != YAML_READER_ERROR)
        return (unsigned)parser->problem_mark.line + 1;
    for (size_t i = 0; i < parser->problem_offset && i < reader->bytes.len; i++)
        line += reader->bytes.data[i] == '\n';
    return line;
}

static int next_event(struct reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return 0;
    return refuse(reader, LK_ERR_INVALID, line_of_problem(reader), "not well-formed YAML: %s",
                  reader->parser.problem ? reader->parser.problem : "unknown problem");
}

static int too_many(const struct reader *reader, unsigned line)
{
    return refuse(reader, LK_ERR_LIMIT, line,
                  "more than %d values, with anchors and merge keys written out",
                  LK_YAML_NODES_MAX);
}

static struct node *new_node(struct reader *reader, enum lk_yaml_kind kind, unsigned line)
{
    struct lk_yaml *yaml = reader->yaml;

    if (yaml->expanded >= LK_YAML_NODES_MAX) {
        too_many(reader, line);
        return NULL;
    }
    struct node *node = &yaml->nodes[yaml->node_count++];
    yaml->expanded++;
    *node = (struct node) {
        .shown = { .kind = kind, .line = line },
        .expanded = 1,
        .height = 1,
    };
    return node;
}

/* A second use of `original`: a node of its own in the parent's list, with the same content below it. */
static struct node *copy_node(struct reader *reader, const struct node *original, unsigned line)
{
    struct node *copy = new_node(reader, original->shown.kind, line);

    if (!copy)
        return NULL;
    if (original->expanded - 1 > LK_YAML_NODES_MAX - reader->yaml->expanded) {
        too_many(reader, line);
        return NULL;
    }
    reader->yaml->expanded += original->expanded - 1;
    *copy = *original;
    copy->shown.next = NULL;
    copy->shown.line = line;
    copy->owns_text = false;
    copy->is_alias = false;
    return copy;
}

static struct anchor *remember_anchor(struct reader *reader, const yaml_char_t *name,
                                      const struct node *node)
{
    struct anchor *anchor;

    if (!name)
        return NULL;
    anchor = lk_xcalloc(1, sizeof(*anchor));
    *anchor = (struct anchor) {
        .name = lk_xstrdup((const char *)name),
        .node = node,
        .older = reader->yaml->anchors,
    };
    reader->yaml->anchors = anchor;
    return anchor;
}

static struct node *read_alias(struct reader *reader, unsigned depth)
{
    const char          *name = (const char *)reader->event.data.alias.anchor;
    unsigned             line = line_of_event(reader);
    const struct anchor *anchor = reader->yaml->anchors;

    while (anchor && strcmp(anchor->name, name) != 0)
        anchor = anchor->older;
    if (!anchor) {
        refuse(reader, LK_ERR_INVALID, line, "alias *%.64s has no anchor before it", name);
        return NULL;
    }
    if (!anchor->complete) {
        refuse(reader, LK_ERR_INVALID, line, "alias *%.64s is used inside of what it names",
               name);
        return NULL;
    }
    if (anchor->node->height + depth > LK_YAML_DEPTH_MAX + 2) {
        refuse(reader, LK_ERR_LIMIT, line,
               "nested deeper than %d, with alias *%.64s written out", LK_YAML_DEPTH_MAX, name);
        return NULL;
    }
    struct node *copy = copy_node(reader, anchor->node, line);
    if (copy)
        copy->is_alias = true;
    return copy;
}

static struct node *read_scalar(struct reader *reader)
{
    struct node   *node = new_node(reader, LK_YAML_SCALAR, line_of_event(reader));
    struct anchor *anchor;

    if (!node)
        return NULL;
    if (strlen((const char *)reader->event.data.scalar.value) !=
        reader->event.data.scalar.length) {
        refuse(reader, LK_ERR_INVALID, node->shown.line, "text with a NUL in it");
        return NULL;
    }
    node->shown.text = lk_xstrdup((const char *)reader->event.data.scalar.value);
    node->shown.plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->owns_text = true;
    anchor = remember_anchor(reader, reader->event.data.scalar.anchor, node);
    if (anchor)
        anchor->complete = true;
    return node;
}

static void grow(struct node *parent, const struct node *child)
{
    parent->expanded += child->expanded;
    if (parent->height <= child->height)
        parent->height = child->height + 1;
}

static const struct lk_yaml_node *find_key(const struct node *map, const char *text)
{
    const struct lk_yaml_node *key = map->shown.first;

    while (key && strcmp(key->text, text) != 0)
        key = key->next;
    return key;
}

/* Takes over what `source` has and `map` has not. */
static int merge_one(struct reader *reader, struct node *map, const struct lk_yaml_node ***tail,
                     const struct lk_yaml_node *source)
{
    if (source->kind != LK_YAML_MAP)
        return refuse(reader, LK_ERR_INVALID, source->line,
                      "'<<' needs a mapping or a list of mappings");
    for (const struct lk_yaml_node *from = source->first; from; from = from->next) {
        if (find_key(map, from->text))
            continue;
        struct node *key = copy_node(reader, (const struct node *)from, from->line);
        if (!key)
            return -1;
        **tail = &key->shown;
        *tail = &key->shown.next;
        grow(map, key);
    }
    return 0;
}

/* Keys written in the map itself win over merged ones, earlier sources over later ones. */
static int merge(struct reader *reader, struct node *map, const struct lk_yaml_node ***tail,
                 const struct lk_yaml_node *source)
{
    /* A list may not come by an alias: so reads it the library that linuxkit uses. */
    if (source->kind != LK_YAML_LIST || ((const struct node *)source)->is_alias)
        return merge_one(reader, map, tail, source);
    for (source = source->first; source; source = source->next)
        if (merge_one(reader, map, tail, source) < 0)
            return -1;
    return 0;
}

static struct node *read_node(struct reader *reader, unsigned depth);

static int read_list(struct reader *reader, struct node *list, unsigned depth)
{
    const struct lk_yaml_node **tail = &list->shown.first;

    for (;;) {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        struct node *item = read_node(reader, depth + 1);
        if (!item)
            return -1;
        *tail = &item->shown;
        tail = &item->shown.next;
        grow(list, item);
    }
}

/* A key that is there already: with a list of problems, it and its value are read and passed over. */
static int duplicate(struct reader *reader, const struct node *key, unsigned first_line)
{
    refuse(reader, LK_ERR_INVALID, key->shown.line,
           "duplicate key '%.64s': it is on line %u already", key->shown.text, first_line);
    if (!reader->problems)
        return -1;
    lk_yaml_problem_add(reader->problems, reader->err);
    return 0;
}

static int read_key(struct reader *reader, unsigned depth, struct node **key)
{
    *key = read_node(reader, depth);
    if (!*key)
        return -1;
    if ((*key)->shown.kind == LK_YAML_SCALAR)
        return 0;
    return refuse(reader, LK_ERR_INVALID, (*key)->shown.line,
                  "a key must be text, not a list or a mapping");
}

static int read_pair(struct reader *reader, struct node *map, const struct lk_yaml_node ***tail,
                     const struct node **merged, unsigned depth)
{
    const struct lk_yaml_node *twin;
    struct node               *key, *value;
    bool                       is_merge;

    if (read_key(reader, depth, &key) < 0 || next_event(reader) < 0)
        return -1;
    value = read_node(reader, depth);
    if (!value)
        return -1;
    is_merge = key->shown.plain && strcmp(key->shown.text, "<<") == 0;
    twin = is_merge ? (*merged ? &(*merged)->shown : NULL) : find_key(map, key->shown.text);
    if (twin)
        return duplicate(reader, key, twin->line);
    key->shown.value = &value->shown;
    if (is_merge) {
        *merged = key;
        return 0;
    }
    key->expanded += value->expanded;
    key->height = value->height;
    **tail = &key->shown;
    *tail = &key->shown.next;
    grow(map, key);
    return 0;
}

static int read_map(struct reader *reader, struct node *map, unsigned depth)
{
    const struct lk_yaml_node **tail = &map->shown.first;
    const struct node          *merged = NULL;

    for (;;) {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            return merged ? merge(reader, map, &tail, merged->shown.value) : 0;
        if (read_pair(reader, map, &tail, &merged, depth + 1) < 0)
            return -1;
    }
}

static struct node *read_collection(struct reader *reader, enum lk_yaml_kind kind,
                                    const yaml_char_t *anchor_name, unsigned depth)
{
    struct node   *node = new_node(reader, kind, line_of_event(reader));
    struct anchor *anchor;
    int            result;

    if (!node)
        return NULL;
    if (depth > LK_YAML_DEPTH_MAX) {
        refuse(reader, LK_ERR_LIMIT, node->shown.line,
               "nested deeper than %d levels, the most allowed", LK_YAML_DEPTH_MAX);
        return NULL;
    }
    anchor = remember_anchor(reader, anchor_name, node);
    result =
        kind == LK_YAML_LIST ? read_list(reader, node, depth) : read_map(reader, node, depth);
    if (result < 0)
        return NULL;
    if (anchor)
        anchor->complete = true;
    return node;
}

static bool has_tag(const yaml_event_t *event)
{
    return (event->type == YAML_SCALAR_EVENT && event->data.scalar.tag) ||
           (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.tag) ||
           (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.tag);
}

/* The node that begins with the current event. */
static struct node *read_node(struct reader *reader, unsigned depth)
{
    yaml_event_t *event = &reader->event;

    if (has_tag(event)) {
        refuse(reader, LK_ERR_INVALID, line_of_event(reader),
               "explicit tags ('!...') are not accepted");
        return NULL;
    }
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(reader, depth);
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_collection(reader, LK_YAML_LIST, event->data.sequence_start.anchor, depth);
    if (event->type == YAML_MAPPING_START_EVENT)
        return read_collection(reader, LK_YAML_MAP, event->data.mapping_start.anchor, depth);
    refuse(reader, LK_ERR_INVALID, line_of_event(reader), "a value is missing");
    return NULL;
}

static int read_document(struct reader *reader, const struct lk_yaml_node **root)
{
    *root = NULL;
    do {
        if (next_event(reader) < 0)
            return -1;
        if (reader->event.type == YAML_STREAM_END_EVENT)
            return 0;
    } while (reader->event.type != YAML_DOCUMENT_START_EVENT);
    if (next_event(reader) < 0)
        return -1;
    struct node *node = read_node(reader, 1);
    if (!node)
        return -1;
    /* Also looks at what follows, so that garbage after the document is not passed over. */
    if (next_event(reader) < 0)
        return -1;
    if (!lk_yaml_is_null(&node->shown))
        *root = &node->shown;
    return 0;
}

int lk_yaml_parse(struct lk_yaml **out, const struct lk_yaml_node **root, struct lk_str bytes,
                  const char *name, struct lk_err *err)
{
    return lk_yaml_parse_all(out, root, bytes, name, NULL, err);
}

int lk_yaml_parse_all(struct lk_yaml **out, const struct lk_yaml_node **root,
                      struct lk_str bytes, const char *name, struct lk_yaml_problems *problems,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;

    if (bytes.len > LK_YAML_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%s: %zu bytes; at most %d are read", name,
                          bytes.len, LK_YAML_BYTES_MAX);
    if (!lk_str_is_utf8(bytes))
        return lk_err_set(err, LK_ERR_INVALID, "%s: not UTF-8 text; save it as UTF-8", name);

    yaml = lk_xcalloc(1, sizeof(*yaml));
    /* Not cleared: most documents need a few of them, and to touch the rest costs more than to parse. */
    yaml->nodes = lk_xmalloc(LK_YAML_NODES_MAX * sizeof(*yaml->nodes));
    LK_CLEANUP(close_reader)
    struct reader reader = {
        .yaml = yaml,
        .bytes = bytes,
        .name = name,
        .err = err,
        .problems = problems,
    };
    lk_assert(yaml_parser_initialize(&reader.parser));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes.data, bytes.len);
    if (read_document(&reader, root) < 0)
        return -1;
    *out = LK_TAKE(yaml);
    return 0;
}

void lk_yaml_free(struct lk_yaml **yaml)
{
    if (!*yaml)
        return;
    for (size_t i = 0; i < (*yaml)->node_count; i++)
        if ((*yaml)->nodes[i].owns_text)
            free((char *)(uintptr_t)(*yaml)->nodes[i].shown.text);
    free((*yaml)->nodes);
    for (struct anchor *anchor = (*yaml)->anchors; anchor;) {
        struct anchor *older = anchor->older;
        free(anchor->name);
        free(anchor);
        anchor = older;
    }
    free(*yaml);
    *yaml = NULL;
}
