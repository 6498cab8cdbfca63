"""The versions that the benchmarks add: Dog as body.h writes it, and chains of steps from there."""

FIRST = """version: v1
description: dogs, as the benchmarks write them
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
      age:   integer
      note:  string
"""


def version(number, step):
    return f"version: v{number}\nfrom: v{number - 1}\nmigrate:\n  - {step}\n"


def chain_step(k):
    """Step k of a long history: of every five, one computes values, one renames, none makes the
    text of an item much longer."""
    turn, odd = k // 5, k // 5 % 2
    names = ("call_name", "name") if odd else ("name", "call_name")
    age = ("integer", "INTEGER", "TEXT") if odd else ("string", "TEXT", "INTEGER")
    return (
        f"rename_field: {{type: Dog, from: {names[0]}, to: {names[1]}}}",
        f"add_field: {{type: Dog, field: extra{turn}, as: string}}",
        f'change_type: {{type: Dog, field: age, to: {age[0]}, up: "CAST(age AS {age[1]})", '
        f'down: "CAST(age AS {age[2]})"}}',
        f'change_default: {{type: Dog, field: breed, default: "breed {turn}"}}',
        f"remove_field: {{type: Dog, field: extra{turn}}}",
    )[k % 5]


def chain(versions):
    """Texts of v2 to v<versions>, a chain from v1."""
    return [version(n, chain_step(n - 2)) for n in range(2, versions + 1)]


def computing(versions):
    """Texts of v2 to v<versions>, each with one more field that every change of `name` computes."""
    return [version(n, f'add_field: {{type: Dog, field: loud{n}, as: string, up: "upper(name)"}}')
            for n in range(2, versions + 1)]


def convert_age(number, back=False):
    """A version whose backfill rewrites every item: age becomes a string, or a number again."""
    kinds = (("string", "TEXT"), ("integer", "INTEGER"))
    (to, up), (_, down) = reversed(kinds) if back else kinds
    return version(number, f'change_type: {{type: Dog, field: age, to: {to}, '
                           f'up: "CAST(age AS {up})", down: "CAST(age AS {down})"}}')


def add_optional(number, name=None):
    """v<number>, or a version of another name beside it, with one more field."""
    text = version(number, f"add_field: {{type: Dog, field: plus{number}, as: string}}")
    return text.replace(f"version: v{number}", f"version: {name}", 1) if name else text
