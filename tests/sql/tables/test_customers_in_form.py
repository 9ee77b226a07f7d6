"""Customers are brought into the format that the documentation of each platform demands."""

import hashlib

ANNA = {
    "email": "anna.o+shoes@gmail.com",
    "phone": "+16505550101",
    "first_name": "Anna-Maria ",
    "last_name": "O'Neil",
    "country": "US",
    "postal_code": "94043-1351",
    "digest": "row",
}
CUSTOMERS = {
    "anna": ANNA,
    "googlemail": ANNA | {"email": "a.b+c@googlemail.com", "country": "us"},
    "another host": ANNA | {"email": "A.B+c@Example.com", "country": "GB", "postal_code": "M1 1AE"},
    "nothing": ANNA | {"email": None, "phone": None, "first_name": "-", "last_name": None},
}


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def columns(warehouse, view, name):
    warehouse.fill({"customers": [{"customer_id": one, **values} for one, values in CUSTOMERS.items()]})
    rows = warehouse.run(view, dataset=f"{warehouse.settings.project}.{warehouse.settings.dataset}")
    return {row["customer_id"]: {column: row[column] for column in name.split()} for row in rows}


def test_for_google_dots_and_plus_suffixes_are_removed_only_at_googles_hosts(warehouse):
    rows = columns(warehouse, "tables/google_ads_customers", "email phone first_name last_name country postal_code")
    assert rows["anna"] == {
        "email": hashed("annao@gmail.com"),
        "phone": hashed("+16505550101"),
        "first_name": hashed("annamaria"),
        "last_name": hashed("oneil"),
        "country": "US",
        "postal_code": "94043-1351",
    }
    assert (rows["googlemail"]["email"], rows["googlemail"]["country"]) == (hashed("ab@googlemail.com"), "US")
    assert rows["another host"]["email"] == hashed("a.b+c@example.com")
    assert [rows["nothing"][one] for one in ("email", "phone", "first_name", "last_name")] == [None] * 4


def test_for_meta_addresses_are_unchanged_and_numbers_have_no_plus_sign(warehouse):
    rows = columns(warehouse, "tables/meta_customers", "email phone first_name last_name country postal_code")
    assert rows["anna"] == {
        "email": hashed("anna.o+shoes@gmail.com"),
        "phone": hashed("16505550101"),
        "first_name": hashed("annamaria"),
        "last_name": hashed("oneil"),
        "country": hashed("us"),
        "postal_code": hashed("94043"),
    }
    assert rows["another host"]["postal_code"] == hashed("m11ae")
    assert [rows["nothing"][one] for one in ("email", "phone", "first_name", "last_name")] == [None] * 4


def test_salesforce_is_sent_the_address_as_it_is_and_nothing_else(warehouse):
    rows = columns(warehouse, "tables/salesforce_customers", "email phone first_name last_name country postal_code")
    nothing = dict.fromkeys(("phone", "first_name", "last_name", "country", "postal_code"))
    assert rows["anna"] == {"email": "anna.o+shoes@gmail.com", **nothing}


def test_the_digest_of_a_crm_row_changes_if_any_row_of_the_customer_changes(warehouse):
    def digests(*rows):
        warehouse.clean()
        warehouse.fill({"crm_customers": [{"customer_id": one, "email": email} for one, email in rows]})
        dataset = f"{warehouse.settings.project}.{warehouse.settings.dataset}"
        found = warehouse.run("tables/crm_rows", dataset=dataset)
        return {(row["customer_id"], row["email"], row["copies"]): row["digest"] for row in found}

    alone = digests(("a", "a@example.com"), ("a ", "a@example.com"), ("b", None))
    assert alone.keys() == {("a", "a@example.com", 1), ("b", None, 1)}
    changed = digests(("a", "a@example.com"), ("a", "other@example.com"), ("b", None))
    assert changed.keys() == {("a", "a@example.com", 2), ("a", "other@example.com", 2), ("b", None, 1)}
    assert changed["b", None, 1] == alone["b", None, 1]
    assert alone["a", "a@example.com", 1] not in changed.values()
