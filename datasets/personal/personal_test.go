package personal

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// kinds renders findings as "kind; kind".
func kinds(found []Finding) string {
	var out []string
	for _, f := range found {
		out = append(out, string(f.Kind))
	}
	return strings.Join(out, "; ")
}

func repeated(values ...string) []string {
	var out []string
	for range 4 {
		out = append(out, values...)
	}
	return out
}

func TestDetectValues(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   Kind
	}{
		"plain addresses":      {[]string{"ann@example.com", "b.c+d@mail.example.co.uk"}, Email},
		"letters beyond ASCII": {[]string{"jürgen@müller.example"}, Email},
		"one address in text":  {[]string{"red shoes", "blue", "write to Ann <ann@example.com>.", "green", "x"}, Email},
		"international":        {[]string{"+49 30 1234567", "+4917012345678", "+1 (415) 555-0132", "+44 (0)20 7946 0958", "+33.1.23.45.67.89"}, Phone},
		"prefix of zeros":      {[]string{"0049 30 1234567"}, Phone},
		"North America":        {[]string{"(415) 555-0132", "415-555-0132", "1-415-555-0132", "415.555.0132"}, Phone},
		"Germany":              {[]string{"030 12345678", "0171/1234567", "0171-12345678"}, Phone},
		"United Kingdom":       {[]string{"020 7946 0958"}, Phone},
		"France":               {[]string{"01 23 45 67 89", "01.23.45.67.89"}, Phone},
		"phones in text":       {[]string{"call 415-555-0132 please", "a", "b", "c", "d", "tel: +49 30 1234567,"}, Phone},
		"cards":                {[]string{"4111111111111111", "5500 0000 0000 0004", "3782 822463 10005", "4111-1111-1111-1111"}, Card},
		"a card in text":       {[]string{"paid", "charged 4111 1111 1111 1111 twice", "a", "b"}, Card},
		"accounts":             {[]string{"DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"}, IBAN},
		"addresses":            {[]string{"192.168.0.1", "8.8.8.8", "2001:db8::1", "2001:0db8:0000:0000:0000:ff00:0042:8329"}, IPAddress},
		"social security":      {[]string{"078-05-1120"}, NationalID},
		"national insurance":   {[]string{"AB 12 34 56 C"}, NationalID},
		"tax code":             {[]string{"RSSMRA85T10A562S"}, NationalID},
	} {
		t.Run(name, func(t *testing.T) {
			found := Detect("c", c.values)
			if len(found) != 1 || found[0].Kind != c.want || found[0].ByName {
				t.Fatalf("found %+v, want %s", found, c.want)
			}
			for _, v := range c.values {
				if strings.Contains(found[0].Example, v) {
					t.Errorf("the example %q shows a value", found[0].Example)
				}
			}
		})
	}
}

// What shops are full of is no personal data.
func TestDetectNothing(t *testing.T) {
	for name, values := range map[string][]string{
		"prices":            {"12.50", "1,299.00", "-3.99", "$1,234.56", "1234567.89", "+12345.6789"},
		"large numbers":     {"12345678", "4155550132", "491701234567", "1234567890123"},
		"order numbers":     {"ORD-2024-000123", "536365", "C536379", "4500-1234-5678", "2024-00012345", "123-4567890-1234567", "A-415-555-0132", "ORD-078-05-1120"},
		"16 digits":         {"1234567890123456", "1000000000000001", "4000000000000001", "5105105105105105"},
		"dates":             {"2024-01-31", "31.01.2024", "01/31/2024", "04.05.24 10.20", "01-02-2024"},
		"times":             {"2024-01-31T12:30:00+01:00", "2024-01-31 12:30:00.123456", "12:30:00", "1706700000", "2024-01-31T12:30:00Z"},
		"versions":          {"1.2.3", "v1.2.3.4", "10.0.19041", "Chrome/120.0.6099.129"},
		"GTINs":             {"4006381333931", "0012345678905"},
		"UUIDs":             {"6f9619ff-8b86-4011-b42d-00cf4fc964ff", "123e4567-e89b-12d3-a456-426614174000"},
		"hashes":            {"d41d8cd98f00b204e9800998ecf8427e", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"},
		"MAC addresses":     {"00:1b:44:11:3a:b7"},
		"coordinates":       {"52.520008, 13.404954", "+52.520008"},
		"descriptions":      {"WHITE HANGING HEART T-LIGHT HOLDER", "SET OF 6 @ 2.50", "2 x 100 ml", "40-45 cm, 120/80"},
		"handles":           {"@shop", "a@b", "user@localhost"},
		"ranges":            {"1000-2000", "0-100", "18-25"},
		"part numbers":      {"0123-45678", "85123A", "AB12CD34EF", "0815 4711"},
		"few alike a phone": {"200-300-4000", "a", "b", "c"},
		"empty":             {"", "  "},
	} {
		t.Run(name, func(t *testing.T) {
			if found := Detect("value", repeated(values...)); len(found) > 0 && name != "few alike a phone" {
				t.Errorf("found %+v", found)
			}
			for _, v := range values {
				if found := Detect("value", []string{v, "x", "y", "z"}); len(found) > 0 {
					t.Errorf("%q: found %+v", v, found)
				}
			}
		})
	}
}

// One in ten numbers of 16 digits that begin like a card's pass the check.
func TestNumbersAreNotCards(t *testing.T) {
	var values []string
	for i := range 1000 {
		values = append(values, fmt.Sprint(4_000_000_000_000_000+int64(i)*7919))
	}
	if found := Detect("order", values); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
}

func TestDetectNames(t *testing.T) {
	for name, want := range map[string]string{
		"email": "e-mail address", "E-Mail": "e-mail address", "customerEmail": "e-mail address", "e_mail_address": "e-mail address",
		"phone": "phone number", "mobile_number": "phone number", "Telefon": "phone number",
		"first_name": "name of a person", "LastName": "name of a person", "name": "name of a person", "customer name": "name of a person", "surname": "name of a person",
		"street": "postal address", "shipping_address": "postal address", "zip": "place of a person", "lat": "place of a person",
		"date_of_birth": "date of birth", "DOB": "date of birth", "birthYear": "date of birth",
		"CustomerID": "identifier of a person", "user_id": "identifier of a person", "userId": "identifier of a person", "customer": "identifier of a person", "customerid": "identifier of a person",
		"ssn": "national identifier", "passport_no": "national identifier", "tax_id": "national identifier",
		"iban": "bank account (IBAN)", "credit_card": "payment card number", "card_number": "payment card number",
		"ip": "IP address", "ip_address": "IP address", "clientIP": "IP address",
		"race": "sensitive attribute", "Gender": "sensitive attribute", "marital-status": "sensitive attribute", "password": "password or secret",

		"product_name": "", "item name": "", "brand_name": "", "filename": "", "campaign_name": "", "store_name": "", "mac_address": "",
		"email_opens": "", "email_open_rate": "", "email_opt_in": "", "email_wanted": "e-mail address", "phone_price": "", "customer_count": "", "customers": "", "user_rating": "",
		"VisitorType": "", "Region": "", "zip_file": "", "street_count": "", "age": "", "price": "", "quantity": "", "description": "", "shipping": "",
		"mobile_sessions": "", "gift_card_no": "", "card_type": "", "ipad_sales": "", "tip": "", "username_length": "", "tablet": "", "canceled": "",
	} {
		if got := kinds(Detect(name, nil)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Values may refute the name.
func TestNamesRefuted(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []string
		want   string
	}{
		{"email_wanted", []string{"1", "0"}, ""},
		{"email", []string{"true", "false"}, ""},
		{"email", []string{"d41d8cd98f00b204e9800998ecf8427e"}, "e-mail address"}, // a hash of one
		{"phone", []string{"1", "2", "3"}, ""},
		{"phone", []string{"491701234567"}, "phone number"},
		{"first_name", []string{"1.5", "2"}, ""},
		{"first_name", []string{"Ann", "Bo"}, "name of a person"},
	} {
		if got := kinds(Detect(c.name, c.values)); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.name, c.values, got, c.want)
		}
	}
	found := Detect("email", []string{"ann@example.com"})
	if len(found) != 1 || found[0].ByName || found[0].Example != "a***@***.com" {
		t.Errorf("name and values: %+v", found)
	}
}

func TestLuhn(t *testing.T) {
	for text, want := range map[string]bool{
		"4111111111111111": true, "4111 1111-1111 1111": true, "4111111111111112": false, "": false, "0": false,
		"0000000000000000": false, "411111111111111x": false, "79927398713": false, // too short for a card
		"378282246310005": true, "6011000990139424": true, "41111111111111111111": false,
	} {
		if Luhn(text) != want {
			t.Errorf("Luhn(%q) is not %v", text, want)
		}
	}
}

func TestValidIBAN(t *testing.T) {
	for text, want := range map[string]bool{
		"DE89370400440532013000": true, "DE89 3704 0044 0532 0130 00": true, "DE88370400440532013000": false,
		"": false, "DE89": false, "89DE370400440532013000": false, "de89370400440532013000": false, "GB82 WEST 1234 5698 7654 32": true,
	} {
		if ValidIBAN(text) != want {
			t.Errorf("ValidIBAN(%q) is not %v", text, want)
		}
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct {
		kind          Kind
		value, masked string
	}{
		{Email, "ann@example.com", "a***@***.com"}, {Email, "@", "***@***."}, {Card, "4111 1111 1111 1111", "**** **** **** **11"},
		{Phone, "+49 30 1234567", "+** ** *****67"}, {PersonName, "Ann", "***"}, {PersonName, "", ""},
	} {
		if got := Mask(c.kind, c.value); got != c.masked {
			t.Errorf("Mask(%s, %q) = %q, want %q", c.kind, c.value, got, c.masked)
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"ann@example.com", "+49 30 1234567", "4111 1111 1111 1111", "\xff@\xfe.xx", "::1", "AB 12 34 56 C", "0000-", "ü@ü.üü"} {
		f.Add("e-Mail", s)
	}
	f.Add("Größe_ID", "1")
	f.Add("eMail", "")
	patterns := regexp.MustCompile(EmailPattern)
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, found := range Detect(name, []string{value, value}) {
			if found.Checked != 2 && found.Checked != 0 || found.Values > found.Checked {
				t.Errorf("%+v", found)
			}
			if found.Kind == Email && !found.ByName && !patterns.MatchString(strings.TrimSpace(value)) {
				t.Errorf("%q is no address", value)
			}
			if found.Kind == Email && !found.ByName && strings.Contains(found.Example, value) {
				t.Errorf("the example %q shows %q", found.Example, value)
			}
		}
		// Neither panics.
		_, _ = Luhn(value), ValidIBAN(value)
	})
}
