/* Steps that the declared types imply. */
#include <check.h>
#include <stdio.h>

#include "schema_rig.h"

static const char dogs_after[] = "  Dog:\n"
                                 "    description: a dog\n"
                                 "    fields:\n"
                                 "      name: {type: string, required: true}\n"
                                 "      chip: uuid\n"
                                 "      age: {type: number, default: 0, check: \"age >= 0\"}\n"
                                 "      owner: ref<Person>\n"
                                 "      vet: {type: ref<Vet>, on_delete: unset}\n"
                                 "      legs: {type: integer, required: true, default: 4}\n"
                                 "  Person:\n"
                                 "    fields: {email: {type: string, unique: true}}\n"
                                 "  Vet:\n"
                                 "    fields: {clinic: ref<Clinic>, size: Size}\n"
                                 "  Clinic:\n"
                                 "    fields: {head: ref<Vet>, at: {type: Place, default: {x: 1}}}\n"
                                 "objects:\n"
                                 "  Place: {fields: {x: number, more: list<Place>}}\n"
                                 "enums:\n"
                                 "  Size: [large, small]\n";

START_TEST(infer__what_has_one_reading)
{
    BUF_CLEANUP struct buf body = BUF_INIT;
    struct version *old = version_ref(compile(dogs, NULL)), *v;

    buf_printf(&body, "types:\n%s", dogs_after);
    v = next(old, buf_str(&body));
    assert_shapes(v, "Dog(name: string!, chip: uuid, age: number=0, owner: ref<Person>, "
                     "vet: ref<Vet>, legs: integer!=4) Person(email: string) Size(small large) "
                     "Vet(clinic: ref<Clinic>, size: Size) "
                     "Place(x: number, more: list<Place>) "
                     "Clinic(head: ref<Vet>, at: Place={\n    \"x\": 1\n  })");
    assert_steps(v, "add_type add_type add_type remove_field change_type add_field add_field "
                    "add_field reorder_fields");
    for (size_t i = 0; i < v->n_notes; i++)
        ck_assert(v->notes[i].inferred);
    ck_assert_str_eq(shape(v, "Dog")->description, "a dog");
    ck_assert_uint_eq(field(v, "Dog", "name")->slot, field(old, "Dog", "name")->slot);
    version_unref(v);
    version_unref(old);
}
END_TEST

START_TEST(infer__nothing_changed)
{
    BUF_CLEANUP struct buf body = BUF_INIT;
    struct version *v = compile(dogs, NULL);

    buf_adds(&body, strstr(dogs, "types:"));
    v = next(v, buf_str(&body));
    ck_assert_uint_eq(v->n_notes, 0);
    ck_assert_uint_eq(v->step_first, v->step_end);
    version_unref(v);
}
END_TEST

START_TEST(infer__relaxed_required_default_removed)
{
    struct version *v = compile("version: v1\n"
                                "types:\n"
                                "  A:\n"
                                "    fields:\n"
                                "      relaxed: {type: string, required: true, default: x}\n"
                                "      needed: string\n"
                                "      default: {type: boolean, default: true}\n"
                                "      unique: {type: string, unique: true}\n"
                                "      checked: {type: date, check: \"checked > '2000'\"}\n"
                                "      ref: ref<B>\n"
                                "  B: {}\n"
                                "  C: {fields: {b: ref<B>}}\n",
                                NULL);

    v = next(v, "types:\n"
                "  A:\n"
                "    fields:\n"
                "      relaxed: string\n"
                "      needed: {type: string, required: true, default: y}\n"
                "      default: {type: boolean, default: false}\n"
                "      unique: string\n"
                "      checked: date\n");
    assert_shapes(v, "A(relaxed: string, needed: string!=\"y\", default: boolean=false, "
                     "unique: string, checked: date)");
    assert_steps(v, "relax_field change_default change_default require_field change_default "
                    "remove_unique change_type remove_field remove_type remove_type");
    ck_assert_uint_eq(shape(v, "A")->n_uniques, 0);
    ck_assert_ptr_null(field(v, "A", "checked")->check);
    version_unref(v);
}
END_TEST

START_TEST(infer__types_gone_in_a_circle_are_refused)
{
    struct version *v = compile("version: v1\n"
                                "types:\n"
                                "  A: {fields: {b: ref<B>}}\n"
                                "  B: {fields: {a: ref<A>}}\n",
                                NULL);
    struct version *none = NULL;
    struct err e = ERR_INIT;

    ck_assert_int_eq(try_compile("version: v2\nfrom: v1\ntypes: {}\n", v, &none, &e), -1);
    ck_assert_str_eq(e.text, "A is gone, but other types that are gone refer to it in a circle: "
                             "remove their fields first");
    version_unref(v);
}
END_TEST

START_TEST(both__steps_that_give_the_declared_types)
{
    struct version *v = next(compile(dogs, NULL),
                             "migrate:\n"
                             "  - rename_field: {type: Dog, from: age, to: years}\n"
                             "  - remove_field: {type: Dog, field: breed}\n"
                             "types:\n"
                             "  Person:\n"
                             "    fields: {email: {type: string, unique: true}}\n"
                             "  Dog:\n"
                             "    fields:\n"
                             "      name: {type: string, required: true}\n"
                             "      years: {type: integer, default: 0, check: \"years >= 0\",\n"
                             "              description: how old}\n"
                             "      owner: ref<Person>\n"
                             "enums:\n"
                             "  Size: [small, large]\n");

    assert_steps(v, "rename_field remove_field");
    ck_assert_str_eq(field(v, "Dog", "years")->description, "how old");
    version_unref(v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema_infer");
    TCase *tests = tcase_create("infer");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tests, schema_setup, schema_teardown);
    tcase_add_test(tests, infer__what_has_one_reading);
    tcase_add_test(tests, infer__nothing_changed);
    tcase_add_test(tests, infer__relaxed_required_default_removed);
    tcase_add_test(tests, infer__types_gone_in_a_circle_are_refused);
    tcase_add_test(tests, both__steps_that_give_the_declared_types);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
