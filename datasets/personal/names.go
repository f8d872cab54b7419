package personal

import (
	"slices"
	"strings"
	"unicode"
)

// Words cuts the name of a column into lower-case words: at everything that is
// no letter and no digit, and where a capital follows a small letter or ends a
// run of capitals.
func Words(name string) []string {
	var out []string
	var word []rune
	runes := []rune(name)
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush()
			continue
		}
		if unicode.IsUpper(r) && i > 0 {
			before := runes[i-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(before) || unicode.IsDigit(before) || unicode.IsUpper(before) && next {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return out
}

// rule is a kind that follows from the words of a name: it has one of any, and
// one of with where that is not empty, and none of without.
type rule struct {
	kind               Kind
	any, with, without []string
}

var (
	numberWords = []string{"id", "ids", "no", "nr", "num", "number", "key", "uuid", "guid", "hash", "ref", "code", "pseudonym"}
	// figures say that a column counts or rates something of a person's.
	figures = []string{"count", "counts", "num", "total", "avg", "mean", "rate", "ratio", "share", "score", "flag", "opt", "optin", "sent",
		"opened", "open", "opens", "clicks", "click", "clicked", "has", "is", "valid", "verified", "type", "status", "length", "price", "cost", "brand", "model"}
	things = []string{"product", "item", "category", "brand", "store", "shop", "file", "campaign", "company", "page", "event", "column",
		"feature", "department", "class", "color", "region", "country", "city", "state", "host", "domain", "table", "sku", "variant", "model", "tier"}
	persons = []string{"first", "last", "full", "sur", "given", "family", "middle", "maiden", "user", "customer", "client", "contact", "person",
		"billing", "shipping", "recipient", "holder", "cardholder", "member", "employee", "guest", "patient", "buyer", "visitor", "account", "display", "nick"}
)

// rules are tried in order; the first that fits decides.
var rules = []rule{
	{kind: Secret, any: []string{"password", "passwd", "passwort", "pwd", "passphrase", "secret", "cvv", "cvc"}, without: figures},
	{kind: IPAddress, any: []string{"ip", "ipaddr", "ipaddress", "ipv4", "ipv6"}, without: figures},
	{kind: Email, any: []string{"email", "emails", "mail", "emailaddress", "mailaddress"}, without: append([]string{"body", "subject", "template", "campaign", "domain"}, figures...)},
	{kind: Phone, any: []string{"phone", "telephone", "telefon", "telefone", "tel", "mobile", "cellphone", "cell", "fax", "handynummer", "msisdn", "phonenumber", "mobilenumber"},
		without: append([]string{"os", "app", "device", "platform", "session", "sessions", "traffic", "browser"}, figures...)},
	{kind: IBAN, any: []string{"iban", "kontonummer"}},
	{kind: Card, any: []string{"card", "creditcard", "cardnumber", "ccnumber", "kreditkarte", "pan"}, with: append([]string{"credit", "debit", "payment", "creditcard", "cardnumber", "ccnumber", "kreditkarte"}, numberWords...),
		without: append([]string{"gift", "loyalty", "graphics"}, figures...)},
	{kind: NationalID, any: []string{"ssn", "nino", "passport", "personnummer", "sozialversicherungsnummer", "taxid", "steuernummer", "socialsecurity", "nationalid"}, without: figures},
	{kind: NationalID, any: []string{"social"}, with: []string{"security"}},
	{kind: NationalID, any: []string{"national", "tax", "driver", "drivers", "identity"}, with: []string{"id", "license", "licence"}}, //nolint:misspell // as columns are called
	{kind: Birth, any: []string{"birth", "birthday", "birthdate", "birthyear", "dob", "dateofbirth", "geburtsdatum", "geburtstag", "yob"}},
	{kind: PersonName, any: []string{"firstname", "lastname", "fullname", "surname", "forename", "username", "nickname", "vorname", "nachname",
		"familienname", "customername", "clientname", "contactname", "cardholder"}, without: figures},
	{kind: PersonName, any: []string{"name", "names"}, with: persons, without: things},
	{kind: Address, any: []string{"street", "strasse", "straße", "hausnummer", "homeaddress", "streetaddress"}, without: figures},
	{kind: Address, any: []string{"address", "addr", "adresse", "anschrift"}, without: append([]string{"mac", "web", "url", "memory", "state"}, figures...)},
	{kind: Location, any: []string{"zip", "zipcode", "postcode", "postal", "plz", "postleitzahl"}, without: []string{"file", "archive"}},
	{kind: Location, any: []string{"latitude", "longitude", "lat", "lon", "lng", "gps", "geolocation"}, without: []string{"store", "shop", "warehouse"}},
	{kind: PersonID, any: []string{"customerid", "userid", "clientid", "visitorid", "memberid", "accountid", "deviceid", "cookieid", "kundennummer", "shopperid", "advertisingid", "idfa", "gaid"}},
	{kind: PersonID, any: []string{"customer", "user", "client", "visitor", "member", "shopper", "buyer", "patient", "employee", "household", "account", "device", "cookie", "kunden", "advertising"},
		with: numberWords, without: []string{"count", "zip", "total", "avg", "type"}},
	{kind: Sensitive, any: []string{"race", "ethnicity", "ethnic", "religion", "religious", "gender", "sex", "sexual", "disability", "diagnosis",
		"health", "nationality", "marital", "pregnant", "political"}, without: []string{"score", "product", "category"}},
}

// alone are names that mean something only as the whole name.
var alone = map[string]Kind{
	"name": PersonName, "names": PersonName, "customer": PersonID, "user": PersonID, "client": PersonID, "uid": PersonID,
	"customers": "", "visitor": PersonID, "shopper": PersonID, "buyer": PersonID,
}

// byName returns the kind of personal data that a column of this name would
// hold, "" for none.
func byName(name string) Kind {
	w := Words(name)
	if len(w) == 1 {
		if kind, ok := alone[w[0]]; ok {
			return kind
		}
	}
	// e_mail and E-Mail are cut in two.
	for i := 0; i+1 < len(w); i++ {
		if w[i] == "e" && w[i+1] == "mail" {
			w = slices.Replace(slices.Clone(w), i, i+2, "email")
		}
	}
	has := func(list []string) bool {
		return slices.ContainsFunc(w, func(s string) bool { return slices.Contains(list, s) })
	}
	for _, r := range rules {
		if has(r.any) && (len(r.with) == 0 || has(r.with)) && !has(r.without) {
			return r.kind
		}
	}
	return ""
}
