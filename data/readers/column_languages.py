"""The names of columns in languages other than English and Korean, as shops export them."""

# German, French, Spanish, Italian, Dutch, Polish, Portuguese; then Japanese and Chinese
NAMES: dict[str, str] = {
    "product_id": "produkt_id artikel_id artikelnummer artikel_nr artnr bestellnummer produktnummer référence "
                  "référence_produit ref id_produit referencia codice codice_prodotto referentie productnummer "
                  "nr_katalogowy kod_produktu indeks referência código 商品コード 商品id 商品番号 品番 商品编号 "
                  "商品編號 商品编码",
    "title": "titel bezeichnung artikelbezeichnung artikelname produktname produkttitel produktbezeichnung titre "
             "nom nom_du_produit libellé désignation título nombre nombre_del_producto titolo nome nome_prodotto "
             "nome_do_produto naam productnaam nazwa nazwa_produktu tytuł 商品名 商品名称 商品名稱 商品标题 名称",
    "description": "beschreibung produktbeschreibung artikelbeschreibung langbeschreibung kurzbeschreibung "
                   "descripción descripción_corta descrizione descrizione_breve omschrijving beschrijving "
                   "productomschrijving opis opis_produktu descrição description_courte 商品説明 説明 商品描述 描述",
    "brand": "marke hersteller marque fabricant marca fabricante produttore merk fabrikant marka producent ブランド "
             "メーカー 品牌",
    "category": "kategorie kategorien kategoriepfad warengruppe catégorie catégories categoría categorías categoria "
                "categorie categorieën kategoria kategorie_produktu categorias カテゴリ カテゴリー 类目 分类 分類 "
                "商品分类",
    "price": "preis regulärer_preis verkaufspreis bruttopreis vk_brutto preis_brutto prix prix_ttc tarif_régulier "
             "prix_de_vente precio precio_normal prezzo prezzo_di_listino prijs reguliere_prijs verkoopprijs cena "
             "cena_brutto preço 価格 販売価格 価格_税込 价格 售价 價格",
    "sale_price": "angebotspreis aktionspreis sonderpreis tarif_promo prix_promo precio_rebajado precio_de_oferta "
                  "prezzo_in_offerta actieprijs cena_promocyjna preço_promocional セール価格 促销价",
    "currency": "währung devise moneda valuta waluta moeda 通貨 货币",
    "colour": "farbe couleur couleurs colore kleur kolor cor 色 カラー 颜色 顏色",
    "url": "produktlink produkt_url produkturl lien url_produit enlace url_del_producto collegamento producturl "
           "商品url 商品链接",
    "created_at": "erstellt_am erstelldatum anlagedatum date_de_création date_ajout fecha_de_creación "
                  "data_creazione aangemaakt_op data_dodania data_utworzenia 登録日 発売日 上架时间",
    "in_stock": "verfügbarkeit lagerbestand bestand lagermenge menge vorrätig auf_lager disponibilité stocks "
                "quantité en_stock disponibilidad existencias inventario cantidad disponibilità giacenza quantità "
                "magazzino voorraad op_voorraad dostępność stan_magazynowy ilość disponibilidade estoque 在庫 "
                "在庫数 库存",
    "images": "bild bilder bild_url bild_link bildlink hauptbild produktbild image_principale images_produit imagen "
              "imágenes url_de_imagen immagine immagini afbeelding afbeeldingen zdjęcie zdjęcia imagem imagens 画像 "
              "商品画像 画像url 图片 商品图片 主图",
}  # fmt: skip
