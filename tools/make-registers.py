#!/usr/bin/env python3
"""Makes the synthetic registers in examples/registers.

Names are put together at random; identity numbers carry the region code
999999, which no one has, with a valid check digit.  Always the same output.
"""
import random

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华文建国志红梅林晨宇欣"
HEAD = ["证券代码", "证券简称", "股东名称", "证件类型", "证件号码", "股东类别",
        "股份性质", "持股数量", "取得日期", "联系电话"]


def person_id(rng):
    body = "999999%04d%02d%02d%03d" % (
        rng.randint(1955, 2002), rng.randint(1, 12), rng.randint(1, 28),
        rng.randint(0, 999))
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    total = sum(int(c) * w for c, w in zip(body, weights))
    return body + "10X98765432"[total % 11]


def person(rng):
    return rng.choice(SURNAMES) + "".join(
        rng.choice(GIVEN) for _ in range(rng.randint(1, 2)))


def register(seed, code, title, founders, institutions, small, small_range):
    rng = random.Random(seed)
    rows, seen = [], set()

    def add(name, id_type, number, kind, nature, quantity, year):
        if number in seen:
            return False
        seen.add(number)
        date = "%04d-%02d-%02d" % (year, rng.randint(1, 12),
                                   rng.randint(1, 28))
        rows.append([code, title, name, id_type, number, kind, nature,
                     str(quantity), date, "000%08d" % rng.randint(0, 10**8)])
        return True

    for quantity in founders:
        while not add(person(rng), "居民身份证", person_id(rng), "境内自然人",
                      "自然人股", quantity, rng.randint(2008, 2012)):
            pass
    for i, quantity in enumerate(institutions):
        add("%s示例%s%d号投资合伙企业（有限合伙）" % (title[:2], rng.choice("甲乙丙丁"), i + 1),
            "统一社会信用代码", "99%04dTEST%08d" % (seed, i), "境内一般法人",
            "境内法人股", quantity, rng.randint(2013, 2020))
    while len(rows) < len(founders) + len(institutions) + small:
        add(person(rng), "居民身份证", person_id(rng), "境内自然人",
            rng.choice(["自然人股", "股权激励股"]),
            rng.randint(*small_range) * 100, rng.randint(2015, 2025))
    total = sum(int(r[7]) for r in rows)
    rows.append(["", "", "合计", "", "", "", "", str(total), "", ""])
    lines = [",".join(HEAD)] + [",".join(r) for r in rows]
    return "\r\n".join(lines) + "\r\n"


def write(name, text, encoding):
    with open("examples/registers/" + name, "wb") as f:
        f.write(text.encode(encoding))


write("register-100001.csv",
      register(1, "100001", "江南精工", [6000000, 4500000, 2400000, 1600000],
               [3000000, 1800000, 900000], 110, (10, 800)), "utf-8-sig")
write("register-100002.csv",
      register(2, "100002", "西川生物", [8000000, 2000000],
               [2500000, 1500000, 700000, 300000], 150, (5, 500)), "gb18030")
write("register-100003.csv",
      register(3, "100003", "北原农商", [],
               [60000000, 45000000, 30000000, 22000000, 9000000], 360,
               (20, 3000)), "utf-8")
